"""Host patterns of the operator: which URLs may be fetched."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

import httpx

_INTERNAL = "internal!"
_PORTS = {"https": 443, "http": 80}
_LABELS = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_-]{1,63})*")
_MAX_PORT = 65535
_ACCEPTED = (
    "accepted: archive.example.org, *.example.org, * (any public host), each with http:// before "
    "it or :PORT after it where needed, and internal!host for one host with an address "
    "that is not public"
)


@dataclass(frozen=True, slots=True)
class HostRule:
    """One pattern: a scheme, a host and a port that may be connected to.

    `host` is a name in lower-case ASCII or an address; `*.` before a name matches its subdomains,
    `*` every host. `internal` allows the host to have an address that is not public.
    """

    scheme: str
    host: str
    port: int
    internal: bool = False

    def matches(self, scheme: str, host: str, port: int) -> bool:
        """Returns whether the pattern matches; `host` as `plain_host` returns it."""
        if (scheme, port) != (self.scheme, self.port):
            return False
        if self.host == "*":
            return True
        if self.host.startswith("*."):
            return host.endswith(self.host[1:])
        return host == self.host


def parse_rule(pattern: str) -> HostRule:
    """Reads one pattern, such as `archive.example.org` or `internal!http://media.lan:8080`.

    Raises:
        ValueError: it is not a pattern; the message lists what is accepted.
    """
    internal = pattern.startswith(_INTERNAL)
    scheme, rest = _scheme_and_rest(pattern.removeprefix(_INTERNAL))
    below = rest.startswith("*.")
    try:
        host, port = _host_and_port(rest.removeprefix("*."), _PORTS.get(scheme, 0), named=below)
    except ValueError:
        raise ValueError(f"{pattern!r} is not a host pattern; {_ACCEPTED}") from None
    if internal and (below or host == "*"):
        raise ValueError(f"{pattern!r} does not name one host, as internal! must; {_ACCEPTED}")
    return HostRule(scheme, f"*.{host}" if below else host, port, internal)


def find_rule(rules: Iterable[HostRule], url: httpx.URL) -> HostRule | None:
    """Returns the rule that allows a URL; one that allows an internal address is preferred."""
    host = plain_host(url)
    port = _PORTS.get(url.scheme, 0) if url.port is None else url.port
    matching = [rule for rule in rules if host and rule.matches(url.scheme, host, port)]
    return max(matching, key=lambda rule: rule.internal, default=None)


def plain_host(url: httpx.URL) -> str:
    """Returns the host in lower-case ASCII without a final dot; "" where it is invalid."""
    host = url.raw_host.decode("ascii").lower().removesuffix(".")
    try:
        address = ip_address(host)
    except ValueError:
        return host if _LABELS.fullmatch(host) else ""
    zone = isinstance(address, IPv6Address) and address.scope_id
    return "" if zone else str(address)


def _scheme_and_rest(text: str) -> tuple[str, str]:
    scheme, separator, rest = text.partition("://")
    return (scheme.lower(), rest) if separator else ("https", text)


def _host_and_port(text: str, default: int, *, named: bool) -> tuple[str, int]:
    """Reads what follows a scheme; `named` accepts no star."""
    if re.fullmatch(r"\*(:\d+)?", text) and not named:
        host, port = "*", text[2:]
    elif re.search(r"[/?#@\\\s%]", text):
        raise ValueError(text)
    else:
        try:
            url = httpx.URL(f"//{text}")
        except httpx.InvalidURL as error:
            raise ValueError(text) from error
        host, port = plain_host(url), "" if url.port is None else str(url.port)
    number = int(port) if port else default
    if not default or not host or not 0 < number <= _MAX_PORT:
        raise ValueError(text)
    return host, number
