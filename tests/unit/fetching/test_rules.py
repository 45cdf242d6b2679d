"""Which URLs a host pattern allows, and which patterns are invalid."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fetching import HostRule, find_rule, parse_rule


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        ("archive.example.org", HostRule("https", "archive.example.org", 443)),
        ("Archive.Example.ORG.", HostRule("https", "archive.example.org", 443)),
        ("https://a.no:8443", HostRule("https", "a.no", 8443)),
        ("http://a.no", HostRule("http", "a.no", 80)),
        ("*.a.no:81", HostRule("https", "*.a.no", 81)),
        ("*", HostRule("https", "*", 443)),
        ("http://*:8080", HostRule("http", "*", 8080)),
        ("blåbær.no", HostRule("https", "xn--blbr-roah.no", 443)),
        ("*.blåbær.no", HostRule("https", "*.xn--blbr-roah.no", 443)),
        ("internal!http://media.lan:8080", HostRule("http", "media.lan", 8080, internal=True)),
        ("internal!10.1.2.3", HostRule("https", "10.1.2.3", 443, internal=True)),
        ("[2001:db8::1]:8443", HostRule("https", "2001:db8::1", 8443)),
    ],
)
def test_pattern_is_parsed(pattern: str, rule: HostRule) -> None:
    assert parse_rule(pattern) == rule


@pytest.mark.parametrize(
    "pattern",
    [
        "", "internal!", "internal!*", "internal!*.lan", "ftp://a.no", "ftp://a.no:21", "file:///x",
        "a.no/path", "a.no?x", "user@a.no", "a.no:0", "a.no:99999", "a.no:https", "a no", "*.*",
        "*a.no", "a.*.no", "**", "*.", ".", "..", "a..no", "https://", "://a.no", "[::1",
        "[fe80::1%1]",
        "a.no#x", "a\\b", "!a.no", "internal!internal!a.no", "-a.no",
    ],
)  # fmt: skip
def test_invalid_pattern_is_refused_with_what_is_accepted(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"accepted: archive\.example\.org"):
        parse_rule(pattern)


@given(st.text(max_size=30))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        rule = parse_rule(text)
    except ValueError:
        return
    assert rule.host
    assert rule.host == rule.host.lower()
    assert 0 < rule.port < 65_536


def allowed(pattern: str, url: str) -> bool:
    return find_rule([parse_rule(pattern)], httpx.URL(url)) is not None


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("a.no", "https://a.no/x"),
        ("a.no", "https://A.NO:443/x"),
        ("a.no", "https://a.no./x"),
        ("*.a.no", "https://b.a.no/"),
        ("*.a.no", "https://c.b.a.no/"),
        ("*", "https://whatever.example/"),
        ("http://a.no:8080", "http://a.no:8080/"),
        ("blåbær.no", "https://BLÅBÆR.no/"),
        ("blåbær.no", "https://xn--blbr-roah.no/"),
    ],
)
def test_matching_url_is_allowed(pattern: str, url: str) -> None:
    assert allowed(pattern, url)


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("a.no", "https://b.a.no/"),
        ("a.no", "https://aa.no/"),
        ("a.no", "https://a.no.evil.example/"),
        ("a.no", "https://a.no@evil.example/"),
        ("a.no", "https://evil.example/a.no"),
        ("a.no", "http://a.no/"),
        ("a.no", "https://a.no:8443/"),
        ("a.no", "ftp://a.no/"),
        ("http://a.no", "https://a.no/"),
        ("*.a.no", "https://a.no/"),
        ("*.a.no", "https://ba.no/"),
        ("*", "http://whatever.example/"),
        ("*", "https://whatever.example:22/"),
        ("*", "https://ex ample/"),
        ("*", "https:///x"),
        ("*", "https://*/"),
        ("*", "https://[fe80::1%25eth0]/"),
    ],
)
def test_other_url_is_refused(pattern: str, url: str) -> None:
    assert not allowed(pattern, url)


def test_rule_for_an_internal_host_has_priority() -> None:
    rules = [parse_rule("*"), parse_rule("internal!media.lan"), parse_rule("media.lan")]
    assert find_rule(rules, httpx.URL("https://media.lan/")) == rules[1]
    assert find_rule(rules, httpx.URL("https://other.lan/")) == rules[0]
