"""A URL from a caller in, the recording it names out, or an error that tells nothing of the inside.

Every hop is held against the operator's list, and every address it leads to is vetted.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import unquote

import httpx
import structlog

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
    # What is small when it arrives must not grow here.
    "accept-encoding": "identity",
}
_log = structlog.get_logger("nordlyd.fetching")


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """The largest recording, in bytes, the longest fetch, in seconds, and how many at once.

    Those over the number wait, and their waiting counts: a caller needs no bandwidth to fill
    the disk with what others send.
    """

    max_bytes: int
    seconds: float
    at_once: int = 16


@dataclass(frozen=True, slots=True)
class Fetched:
    """A recording that was fetched; whoever takes it closes `bodies`.

    Attributes:
        bodies: the file, of one body.
        name: the last part of the URL's path; may be empty.
        content_type: what its server says it is.
    """

    bodies: SpooledBodies
    name: str
    content_type: str | None


class Fetcher:
    """Fetches recordings from hosts that the operator allows.

    Args:
        rules: the allowed hosts; none refuses everything.
        limits: of size and time.
        resolve: finds the addresses of a host.
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
        self._places = asyncio.Semaphore(limits.at_once)
        resolve = resolve or SystemResolver()
        inner = inner or httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))
        self._public = PinnedTransport(resolve, is_public, inner)
        self._internal = PinnedTransport(resolve, _anything, inner)

    def check(self, url: str) -> None:
        """Do nothing for a URL that may be asked.

        Raises:
            UrlRefusedError: it may not.
        """
        self._admit(_parse(url))

    async def fetch(
        self, url: str, deadline: float | None = None, *, reservation: Reservation | None = None
    ) -> Fetched:
        """Fetch a recording. Cancelling the awaiting task ends it.

        Args:
            url: from a caller.
            deadline: instant of `time.monotonic` after which nobody wants it.
            reservation: counts the bytes on disk.

        Raises:
            UrlRefusedError: the URL, or one it redirects to, may not be asked.
            UrlFetchError: what is there cannot be fetched.
            TooLargeError: it is over the limit.
            OverloadedError, InsufficientStorageError: there is no room for it on disk.
            DeadlineExceededError: the deadline passed.
        """
        left = None if deadline is None else deadline - time.monotonic()
        seconds = self._limits.seconds if left is None else min(left, self._limits.seconds)
        try:
            async with asyncio.timeout(seconds) as limit, self._places:
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
            # The reason is the operator's: it may tell of what is behind the host.
            _log.info("not fetched", reason=f"{type(error).__name__}: {error}")
            raise UrlFetchError(
                "The URL could not be fetched: its host does not answer as it should.", param="url"
            ) from None

    async def _follow(self, url: httpx.URL, reservation: Reservation | None) -> Fetched:
        name = unquote(url.path).rpartition("/")[2]
        found = await self._ask(url, name, reservation)
        for _ in range(MAX_REDIRECTS):
            if isinstance(found, Fetched):
                return found
            try:
                found = await self._ask(_parse(found), name, reservation)
            except UrlRefusedError:
                # Where it leads to is not the caller's to know.
                raise UrlRefusedError(
                    "The URL redirects to what this service may not ask.", param="url"
                ) from None
        if isinstance(found, Fetched):
            return found
        raise UrlFetchError(f"The URL redirects more than {MAX_REDIRECTS} times.", param="url")

    async def _ask(
        self, url: httpx.URL, name: str, reservation: Reservation | None
    ) -> Fetched | str:
        """The recording, or where it is said to be."""
        transport = self._admit(url)
        request = httpx.Request("GET", url, headers=_HEADERS, extensions={"timeout": _TIMEOUTS})
        response = await transport.handle_async_request(request)
        async with aclosing(response):
            if response.has_redirect_location:
                return str(url.join(response.headers["location"]))
            return await self._store(response, name, reservation)

    def _admit(self, url: httpx.URL) -> PinnedTransport:
        """The transport for a URL that may be asked."""
        rule = find_rule(self._rules, url)
        if rule is None:
            shown = plain_host(url) or "what the URL names"
            raise UrlRefusedError(
                f"{shown} is no host that this service may ask by {url.scheme}"
                f"{'' if url.port is None else f' on port {url.port}'}; its operator decides "
                "which are accepted (NORDLYD_URL_HOSTS).",
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


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise UrlRefusedError(
            "The URL cannot be read; accepted: one such as https://archive.example.org/speech.mp3.",
            param="url",
        ) from None
    if parsed.scheme not in {"http", "https"}:
        raise UrlRefusedError("The URL is of another kind; accepted: https and http.", param="url")
    if parsed.userinfo:
        raise UrlRefusedError(
            "The URL holds a user name or password; accepted: one without.", param="url"
        )
    return parsed


def _anything(address: str) -> bool:  # noqa: ARG001
    return True
