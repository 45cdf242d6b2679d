"""Fetches from callers' URLs and sends to them; errors reveal nothing about internal hosts.

Every redirect is checked against the operator's rules, and every address before it is connected to.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import unquote

import httpx
import structlog

from app import tracing
from app.errors import DeadlineExceededError, TooLargeError, UrlFetchError, UrlRefusedError
from app.fetching.addresses import is_public
from app.fetching.rules import HostRule, find_rule, plain_host
from app.fetching.transport import PinnedTransport, Resolver, SystemResolver
from app.storage import Reservation, SpooledBodies

MAX_REDIRECTS = 5
_CONNECT_SECONDS = 10.0
_IDLE_SECONDS = 30.0
_HEADERS = {
    "user-agent": "nordlyd",
    "accept": "audio/*, video/*, */*;q=0.5",
    # A small response must not decompress to a large one.
    "accept-encoding": "identity",
}
# They frame the request or decide who receives it.
_NOT_TO_REPLACE = ("host", "content-length", "transfer-encoding", "connection", "te", "upgrade")
_PORTS = {"http": 80, "https": 443}

_log = structlog.get_logger("nordlyd.fetching")


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Limits of fetching.

    Attributes:
        max_bytes: the largest recording.
        seconds: the longest fetch, including its time in the queue.
        concurrency: how many fetches run at once; further ones wait. A caller needs no bandwidth
            of its own to fill the disk with what other hosts send.
    """

    max_bytes: int
    seconds: float
    concurrency: int = 16


@dataclass(frozen=True, slots=True)
class Fetched:
    """A recording that was fetched; whoever receives it closes `bodies`.

    Attributes:
        bodies: a spool with one body.
        name: the last part of the URL's path; may be empty.
        content_type: the header of its server; None without one.
    """

    bodies: SpooledBodies
    name: str
    content_type: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of the answer to something that was sent.

    Attributes:
        status: of HTTP.
        headers: by their names in lower case.
    """

    status: int
    headers: Mapping[str, str]


class Fetcher:
    """Fetches recordings from hosts that the operator allows.

    Args:
        rules: the allowed hosts; without rules, every URL is refused.
        limits: of size, time and concurrency.
        resolve: resolves host names; by default by the system.
        inner: makes the connections; by default one that verifies certificates.
    """

    def __init__(
        self,
        rules: Sequence[HostRule],
        limits: FetchLimits,
        *,
        resolve: Resolver | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._rules = tuple(rules)
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.concurrency)
        resolve = resolve or SystemResolver()
        inner = inner or httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))
        self._public = PinnedTransport(resolve, is_public, inner)
        self._internal = PinnedTransport(resolve, _is_any, inner)

    def check(self, url: str) -> None:
        """Raises for a URL that may not be fetched.

        Raises:
            UrlRefusedError: the rules do not allow the URL.
        """
        self._transport_for(_parse(url))

    async def fetch(
        self, url: str, deadline: float | None = None, *, reservation: Reservation | None = None
    ) -> Fetched:
        """Fetches a recording. Cancelling the awaiting task ends the transfer.

        Args:
            url: from a caller.
            deadline: instant of `time.monotonic` by which it must be complete; None sets none.
            reservation: counts the bytes on disk.

        Raises:
            UrlRefusedError: the rules do not allow the URL, or one that it redirects to.
            UrlFetchError: the recording cannot be fetched.
            TooLargeError: the recording is over the limit.
            OverloadedError, InsufficientStorageError: there is no room for it on disk.
            DeadlineExceededError: the deadline passed.
        """
        left = None if deadline is None else deadline - time.monotonic()
        seconds = self._limits.seconds if left is None else min(left, self._limits.seconds)
        try:
            async with asyncio.timeout(seconds) as limit, self._slots:
                return await self._follow(_parse(url), reservation)
        except TimeoutError:
            if not limit.expired():
                raise
            if left is not None and seconds == left:
                raise DeadlineExceededError(
                    "The request's deadline passed while its audio was being fetched."
                ) from None
            raise UrlFetchError(
                f"It took longer than {seconds:g} s to fetch the URL.", param="url"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            # The reason is for the operator alone: it may reveal internal hosts.
            _log.info("not fetched", reason=f"{type(error).__name__}: {error}")
            raise UrlFetchError(
                "The URL could not be fetched: its host did not respond correctly.", param="url"
            ) from None

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float
    ) -> Answer:
        """Sends a body to a URL under the rules of `fetch`. Follows no redirect.

        Args:
            method: of HTTP.
            url: from a caller.
            headers: besides those of HTTP itself, which they cannot replace.
            body: to be sent.
            seconds: until the answer's head must have arrived.

        Raises:
            UrlRefusedError: the rules do not allow the URL, or its host has no public address.
            UrlFetchError: there was no answer.
        """
        parsed = _parse(url)
        own = {"user-agent": _HEADERS["user-agent"], "accept-encoding": "identity"}
        try:
            with _span_of(method, parsed) as span:
                sent = httpx.Headers({**headers, **own, **tracing.headers()})
                for name in _NOT_TO_REPLACE:
                    sent.pop(name, None)
                request = httpx.Request(
                    method, parsed, headers=sent, content=body, extensions={"timeout": _TIMEOUTS}
                )
                async with asyncio.timeout(seconds) as limit:
                    transport = self._transport_for(parsed)
                    response = await transport.handle_async_request(request)
                    async with aclosing(response):
                        _note_status(span, response)
                        return Answer(response.status_code, dict(response.headers))
        except TimeoutError:
            if not limit.expired():
                raise
            raise UrlFetchError(f"There was no answer within {seconds:g} s.", param="url") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            _log.info("not sent", reason=f"{type(error).__name__}: {error}")
            raise UrlFetchError("The host did not respond correctly.", param="url") from None

    async def _follow(self, url: httpx.URL, reservation: Reservation | None) -> Fetched:
        name = unquote(url.path).rpartition("/")[2]
        found = await self._get(url, name, reservation)
        for _ in range(MAX_REDIRECTS):
            if isinstance(found, Fetched):
                return found
            try:
                found = await self._get(_parse(found), name, reservation)
            except UrlRefusedError:
                # The caller must not learn the target.
                raise UrlRefusedError(
                    "The URL redirects to a host that this service may not fetch from.", param="url"
                ) from None
        if isinstance(found, Fetched):
            return found
        raise UrlFetchError(f"The URL redirects more than {MAX_REDIRECTS} times.", param="url")

    async def _get(
        self, url: httpx.URL, name: str, reservation: Reservation | None
    ) -> Fetched | str:
        """Returns the recording, or the URL that the response redirects to."""
        transport = self._transport_for(url)
        with _span_of("GET", url) as span:
            headers = {**_HEADERS, **tracing.headers()}
            request = httpx.Request("GET", url, headers=headers, extensions={"timeout": _TIMEOUTS})
            response = await transport.handle_async_request(request)
            async with aclosing(response):
                _note_status(span, response)
                if response.has_redirect_location:
                    return str(url.join(response.headers["location"]))
                return await self._store(response, name, reservation)

    def _transport_for(self, url: httpx.URL) -> PinnedTransport:
        """Returns the transport for a URL that the rules allow."""
        rule = find_rule(self._rules, url)
        if rule is None:
            shown = plain_host(url) or "the host of the URL"
            raise UrlRefusedError(
                f"This service may not fetch from {shown} by {url.scheme}"
                f"{'' if url.port is None else f' on port {url.port}'}; its operator decides "
                "which hosts are accepted (NORDLYD_URL_HOSTS).",
                param="url",
            )
        return self._internal if rule.internal else self._public

    async def _store(
        self, response: httpx.Response, name: str, reservation: Reservation | None
    ) -> Fetched:
        if response.status_code != httpx.codes.OK:
            raise UrlFetchError(
                f"The URL could not be fetched: its host answered with status "
                f"{response.status_code}.",
                param="url",
            )
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"", "identity"}:
            raise UrlFetchError(
                f"The URL's host sends the recording with content-encoding {coding[:20]}; "
                "accepted: none.",
                param="url",
            )
        declared = response.headers.get("content-length", "")
        if declared.isdecimal():
            self._check_size(int(declared))
        bodies = SpooledBodies(reservation)
        try:
            async for chunk in response.aiter_raw():
                bodies.add(chunk)
                self._check_size(bodies.size)
                await bodies.drain()
            await bodies.drain(everything=True)
        except BaseException:
            bodies.close()
            raise
        return Fetched(bodies, name, response.headers.get("content-type"))

    def _check_size(self, size: int) -> None:
        if size > self._limits.max_bytes:
            raise TooLargeError(
                f"The recording at the URL is over the limit of "
                f"{self._limits.max_bytes / 2**20:g} MiB (NORDLYD_URL_MAX_MB).",
                param="url",
            )


_TIMEOUTS = httpx.Timeout(_IDLE_SECONDS, connect=_CONNECT_SECONDS).as_dict()


def _span_of(method: str, url: httpx.URL) -> tracing.Span:
    """Returns the span of a request; its attributes have no path, which may name a recording."""
    span = tracing.span(method, "client")
    span.set("http.request.method", method)
    span.set("server.address", url.host)
    span.set("server.port", url.port or _PORTS[url.scheme])
    return span


def _note_status(span: tracing.Span, response: httpx.Response) -> None:
    span.set("http.response.status_code", response.status_code)
    if response.is_error:
        span.fail(str(response.status_code))


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise UrlRefusedError(
            "The URL cannot be parsed; accepted: one such as https://archive.example.org/speech.mp3.",
            param="url",
        ) from None
    if parsed.scheme not in {"http", "https"}:
        raise UrlRefusedError(
            "The scheme of the URL is not supported; accepted: https and http.", param="url"
        )
    if parsed.userinfo:
        raise UrlRefusedError(
            "The URL holds a user name or password; accepted: one without.", param="url"
        )
    return parsed


def _is_any(address: str) -> bool:  # noqa: ARG001
    return True
