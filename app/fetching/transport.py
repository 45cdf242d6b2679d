"""An HTTP transport that connects only to addresses that were checked.

A name is resolved once, and connections go to exactly the addresses that were checked: a name that
resolves differently the second time (DNS rebinding) is never resolved a second time.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import httpx

from app.errors import UrlRefusedError
from app.fetching.rules import plain_host

_RESOLVING_THREADS = 4
_MAX_ADDRESSES = 4


class Resolver(Protocol):
    """Resolves a host name."""

    async def __call__(self, host: str) -> Sequence[str]:
        """Returns addresses in their usual notation, the best first; none if there is no host."""


class SystemResolver:
    """Resolves by the system, in threads of its own: a slow name server must block nothing else."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_RESOLVING_THREADS, "nordlyd-names")

    async def __call__(self, host: str) -> Sequence[str]:
        """Returns the addresses of a host."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _look_up, host)


class PinnedTransport(httpx.AsyncBaseTransport):
    """Connects to addresses that are allowed, with the host name of the request.

    Args:
        resolve: resolves host names.
        is_allowed: returns whether an address may be connected to.
        inner: makes the connections; must keep none open, since it knows hosts by address only.
    """

    def __init__(
        self, resolve: Resolver, is_allowed: Callable[[str], bool], inner: httpx.AsyncBaseTransport
    ) -> None:
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request, whose body is bytes.

        Raises:
            UrlRefusedError: the host has no address that may be connected to.
            httpx.HTTPError: none of its addresses answers.
        """
        host = plain_host(request.url)
        addresses = [address for address in await self._resolve(host) if self._is_allowed(address)]
        failure: httpx.HTTPError | None = None
        for address in addresses[:_MAX_ADDRESSES]:
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                # These contain the host name.
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions | {"sni_hostname": host},
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        if failure is not None:
            raise failure
        # The same message for unknown and for internal names: callers must not learn the latter.
        raise UrlRefusedError(f"{host} has no public address.", param="url")


def _look_up(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    # In the system's order, each once.
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
