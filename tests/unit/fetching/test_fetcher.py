"""Recordings fetched from real servers on loopback, under names of a resolver of the test."""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator, Sequence

import httpx
import pytest
import trustme
from web_server import WebServer, web_server

from app.errors import (
    DeadlineExceededError,
    NordlydError,
    TooLargeError,
    UrlFetchError,
    UrlRefusedError,
)
from app.fetching import Fetched, Fetcher, FetchLimits, is_public, parse_rule
from app.fetching.transport import PinnedTransport

AUDIO = b"RIFF" + bytes(range(256)) * 20_000
LIMITS = FetchLimits(max_bytes=len(AUDIO), seconds=20.0)


class Names:
    """Resolves each name to the next entry of its list, and then to the last one again."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("_", "."): list(given) for name, given in answers.items()}
        self.resolved: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.resolved.append(host)
        answers = self.answers.get(host, [[]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture(scope="module")
def web() -> Iterator[WebServer]:
    with web_server({"/speech.wav": AUDIO, "/m%C3%B8te 1.wav": AUDIO, "/møte 1.wav": AUDIO}) as web:
        yield web


def fetcher(web: WebServer, names: Names, *more: str, **options: object) -> Fetcher:
    rules = [f"internal!http://archive.test:{web.port}", *more]
    limits = options.pop("limits", LIMITS)
    return Fetcher([parse_rule(rule) for rule in rules], limits, resolve=names, **options)  # type: ignore[arg-type]


def archive() -> Names:
    return Names(archive_test=[["127.0.0.1"]])


def fetch(fetching: Fetcher, url: str, deadline: float | None = None) -> tuple[bytes, Fetched]:
    async def run() -> tuple[bytes, Fetched]:
        fetched = await fetching.fetch(url, deadline)
        with fetched.bodies.open(0, fetched.bodies.size) as file:
            data = file.read()
        fetched.bodies.close()
        return data, fetched

    return asyncio.run(run())


def refused(fetching: Fetcher, url: str, kind: type[NordlydError]) -> str:
    with pytest.raises(kind) as caught:
        fetch(fetching, url)
    assert type(caught.value) is kind
    assert caught.value.param == "url"
    # Nothing of any response.
    assert "inside" not in caught.value.message
    assert "127.0.0.1" not in caught.value.message
    return caught.value.message


def test_recording_is_fetched_with_the_name_of_its_host(web: WebServer) -> None:
    url = web.url("/m%C3%B8te%201.wav", "archive.test")
    data, fetched = fetch(fetcher(web, archive()), url)
    assert data == AUDIO
    assert (fetched.name, fetched.content_type) == ("møte 1.wav", "application/octet-stream")
    assert web.requests[-1] == ("/m%C3%B8te%201.wav", f"archive.test:{web.port}")


def test_next_address_is_tried_when_the_first_does_not_answer(web: WebServer) -> None:
    names = Names(archive_test=[["127.0.0.2", "127.0.0.1"]])
    assert fetch(fetcher(web, names), web.url("/speech.wav", "archive.test"))[0] == AUDIO


def test_redirects_are_followed_five_times(web: WebServer) -> None:
    fetching = fetcher(web, archive())
    data, fetched = fetch(fetching, web.url("/again/4", "archive.test"))
    assert (data, fetched.name) == (AUDIO, "4")
    message = refused(fetching, web.url("/again/5", "archive.test"), UrlFetchError)
    assert "more than 5 times" in message


@pytest.mark.parametrize(
    "where",
    [
        "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:{other}/", "//127.0.0.1/",
        "http://[::1]:{other}/", "http://localhost:{other}/", "http://2130706433:{other}/",
        "https://archive.test/", "file:///etc/passwd", "ftp://archive.test/", "gopher://x/",
        "http://user:password@archive.test:{port}/speech.wav", "http://archive.test:{other}/",
        "http://[", "http://archive.test.evil.example:{port}/",
    ],
)  # fmt: skip
def test_redirect_to_a_host_that_is_not_allowed_is_refused(web: WebServer, where: str) -> None:
    with web_server({"/": b"secret of the inside"}) as other:
        where = where.format(port=web.port, other=other.port)
        fetching = fetcher(web, archive(), "public.example.org")
        refused(fetching, web.url("/to?" + where, "archive.test"), UrlRefusedError)
        assert other.requests == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"], ["::1"], ["10.0.0.1", "192.168.1.1"], ["169.254.169.254"],
        ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["0.0.0.0"], [],
    ],
)  # fmt: skip
def test_internal_name_is_refused_like_an_unknown_one(web: WebServer, addresses: list[str]) -> None:
    rule = f"http://*:{web.port}"
    before = len(web.requests)
    message = refused(
        fetcher(web, Names(evil_example=[addresses]), rule),
        web.url("/speech.wav", "evil.example"),
        UrlRefusedError,
    )
    assert message == "evil.example has no public address."
    assert len(web.requests) == before


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "2130706433", "0x7f.1", "localhost", "[::ffff:7f00:1]", "0"]
)
def test_each_notation_of_localhost_is_refused_with_the_real_resolver(
    web: WebServer, host: str
) -> None:
    rules = [parse_rule(f"http://*:{web.port}")]
    fetching = Fetcher(rules, LIMITS)
    before = len(web.requests)
    with pytest.raises(UrlRefusedError, match="no public address"):
        fetch(fetching, web.url("/speech.wav", host))
    assert len(web.requests) == before


class RecordingTransport(httpx.AsyncBaseTransport):
    """Records where connections would go."""

    def __init__(self) -> None:
        self.connected: list[tuple[str, str, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.connected.append(
            (request.url.host, request.headers["host"], request.extensions["sni_hostname"])
        )
        return httpx.Response(200, stream=httpx.ByteStream(AUDIO))


def test_name_is_resolved_once_against_dns_rebinding() -> None:
    names = Names(rebind_example=[["93.184.215.14"], ["127.0.0.1"]])
    transport = RecordingTransport()
    fetching = Fetcher([parse_rule("*")], LIMITS, resolve=names, inner=transport)
    assert fetch(fetching, "https://rebind.example/x.wav")[0] == AUDIO
    assert names.resolved == ["rebind.example"]
    assert transport.connected == [("93.184.215.14", "rebind.example", "rebind.example")]
    # The name is checked again for another request.
    with pytest.raises(UrlRefusedError):
        fetch(fetching, "https://rebind.example/x.wav")
    assert len(transport.connected) == 1


def test_only_public_addresses_of_a_host_are_connected_to() -> None:
    names = Names(mixed_example=[["10.0.0.1", "2a00:1450:400f:80d::200e", "::1"]])
    transport = RecordingTransport()
    fetching = Fetcher([parse_rule("*")], LIMITS, resolve=names, inner=transport)
    fetch(fetching, "https://mixed.example/x.wav")
    assert [where for where, _, _ in transport.connected] == ["2a00:1450:400f:80d::200e"]


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("/none", UrlFetchError, "status 404"),
        ("/declared", TooLargeError, "NORDLYD_URL_MAX_MB"),
        ("/endless", TooLargeError, "NORDLYD_URL_MAX_MB"),
        ("/bomb", UrlFetchError, "content-encoding gzip; accepted: none"),
        ("/cut", UrlFetchError, "did not respond correctly"),
        ("/garbage", UrlFetchError, "did not respond correctly"),
    ],
)
def test_failed_fetch_reports_the_reason_without_internals(
    web: WebServer, path: str, kind: type[NordlydError], message: str
) -> None:
    assert message in refused(fetcher(web, archive()), web.url(path, "archive.test"), kind)


def test_closed_port_gives_the_same_error_as_a_broken_server(web: WebServer) -> None:
    names = Names(archive_test=[["127.0.0.2"]])
    url = web.url("/speech.wav", "archive.test")
    assert "did not respond correctly" in refused(fetcher(web, names), url, UrlFetchError)


def test_fetch_has_a_time_limit(web: WebServer) -> None:
    fetching = fetcher(web, archive(), limits=FetchLimits(10**9, 0.3))
    assert "longer than 0.3 s" in refused(fetching, web.url("/held", "archive.test"), UrlFetchError)


def test_deadline_of_the_request_gives_its_own_error(web: WebServer) -> None:
    with pytest.raises(DeadlineExceededError):
        fetch(fetcher(web, archive()), web.url("/held", "archive.test"), time.monotonic() + 0.2)


def test_concurrent_fetches_are_limited(web: WebServer) -> None:
    fetching = fetcher(web, archive(), limits=FetchLimits(10**9, 20, concurrency=2))

    async def run() -> None:
        held = [
            asyncio.create_task(fetching.fetch(web.url("/held", "archive.test"))) for _ in range(2)
        ]
        await until(lambda: len(web.requests) == 2)
        with pytest.raises(DeadlineExceededError):
            await fetching.fetch(web.url("/speech.wav", "archive.test"), time.monotonic() + 0.1)
        assert len(web.requests) == 2
        held[0].cancel()
        fetched = await fetching.fetch(web.url("/speech.wav", "archive.test"))
        assert fetched.bodies.size == len(AUDIO)
        fetched.bodies.close()
        held[1].cancel()
        await asyncio.gather(*held, return_exceptions=True)

    web.requests.clear()
    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_cancelled_fetch_closes_its_connection(web: WebServer) -> None:
    fetching = fetcher(web, archive(), limits=FetchLimits(10**12, 60))

    async def run() -> None:
        task = asyncio.create_task(fetching.fetch(web.url("/endless", "archive.test")))
        await until(lambda: any(path == "/endless" for path, _ in web.requests))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: ("/endless hung up", "") in web.requests)

    web.requests.clear()
    asyncio.run(run())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secure(authority: trustme.CA) -> Iterator[Callable[[str], WebServer]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("archive.test").configure_cert(context)
    with web_server({"/speech.wav": AUDIO}, tls=context) as web:
        yield web


@pytest.mark.parametrize("host", ["archive.test", "other.test"])
def test_certificate_is_verified_for_the_name_and_not_the_address(
    secure: WebServer, authority: trustme.CA, host: str
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    inner = httpx.AsyncHTTPTransport(
        verify=context, limits=httpx.Limits(max_keepalive_connections=0)
    )
    fetching = Fetcher(
        [parse_rule(f"internal!{host}:{secure.port}")],
        LIMITS,
        resolve=Names(archive_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]]),
        inner=inner,
    )
    url = secure.url("/speech.wav", host, "https")
    if host == "archive.test":
        assert fetch(fetching, url)[0] == AUDIO
    else:
        refused(fetching, url, UrlFetchError)


def test_unknown_certificate_authority_is_refused(secure: WebServer) -> None:
    rule = parse_rule(f"internal!archive.test:{secure.port}")
    fetching = Fetcher([rule], LIMITS, resolve=archive())
    refused(fetching, secure.url("/speech.wav", "archive.test", "https"), UrlFetchError)


def test_transport_refuses_where_no_address_is_allowed() -> None:
    inner = RecordingTransport()
    transport = PinnedTransport(Names(a_example=[["10.0.0.1"]]), is_public, inner)
    request = httpx.Request("GET", "https://a.example/")
    with pytest.raises(UrlRefusedError):
        asyncio.run(transport.handle_async_request(request))
    assert inner.connected == []
