"""Which host names and web pages may use the service, by the headers `Host` and `Origin`.

A service on loopback usually has no keys and trusts every user of the machine. Web pages are not
trusted: a page of any site can send requests to 127.0.0.1, and with DNS rebinding it can even read
the responses. No page can forge the two headers.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import error_response
from app.errors import OriginRefusedError
from app.settings import Settings

ANY = "*"
_DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


def is_loopback(host: str) -> bool:
    """Whether a host name or address is of the loopback interface."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


@dataclass(frozen=True, slots=True)
class OriginRules:
    """Which hosts and origins are accepted.

    Attributes:
        guarded: whether `Host` must be loopback or one of `hosts`.
        hosts: further names of this service, in lower case.
        origins: of other sites' web pages that may use it, in lower case; `*` for all.
    """

    guarded: bool
    hosts: frozenset[str]
    origins: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Returns the rules in the settings."""
        hosts = frozenset(name.lower().rstrip(".") for name in settings.allowed_hosts)
        guarded = ANY not in hosts and (bool(hosts) or is_loopback(settings.host))
        origins = frozenset(origin.lower().rstrip("/") for origin in settings.cors_origins)
        return cls(guarded, hosts - {ANY}, origins)

    def check(
        self,
        host: Sequence[str],
        origin: Sequence[str],
        *,
        forwarded: str = "",
        site: str = "",
    ) -> None:
        """Returns if a request may be served.

        Args:
            host: every value of `Host`.
            origin: every value of `Origin`.
            forwarded: `X-Forwarded-Host`, which a proxy sets and another site's page cannot.
            site: `Sec-Fetch-Site`, which the browser sets and no page can.

        Raises:
            OriginRefusedError: it is for another host, or from another site's page.
        """
        # A request without it does not come from a browser.
        if self.guarded and host and not (len(host) == 1 and self._is_ours(_name(host[0]))):
            raise OriginRefusedError(
                f"The request is for the host {host[0][:100]!r}; accepted: this machine's loopback "
                "names, and those in NORDLYD_ALLOWED_HOSTS."
            )
        if not origin or site == "same-origin" or ANY in self.origins:
            return
        given = origin[0].lower()
        if len(origin) > 1 or not (given in self.origins or self._is_same(given, host, forwarded)):
            raise OriginRefusedError(
                f"The request comes from a web page of {given[:100]!r}; accepted: the pages of "
                "this service, and those in NORDLYD_CORS_ORIGINS."
            )

    def _is_ours(self, name: str) -> bool:
        return name in self.hosts or is_loopback(name)

    def _is_same(self, origin: str, host: Sequence[str], forwarded: str) -> bool:
        """Whether the origin is a page of this service, with or without a proxy."""
        parts = urlsplit(origin)
        if not parts.netloc:
            return False
        default = _DEFAULT_PORTS.get(parts.scheme, "")
        netloc = _with_port(parts.netloc, default)
        return _name(parts.netloc) in self.hosts or netloc in {
            _with_port(each.strip().lower(), default) for each in (*host, forwarded) if each
        }


class OriginGuard:
    """Refuses requests and WebSockets whose host or origin is not accepted.

    Args:
        app: the next application.
        rules: which are accepted.
    """

    def __init__(self, app: ASGIApp, *, rules: OriginRules) -> None:
        self.app = app
        self.rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "lifespan":
            headers = Headers(scope=scope)
            try:
                self.rules.check(
                    headers.getlist("host"),
                    headers.getlist("origin"),
                    forwarded=headers.get("x-forwarded-host", ""),
                    site=headers.get("sec-fetch-site", ""),
                )
            except OriginRefusedError as error:
                await error_response(error, scope)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _name(netloc: str) -> str:
    """Returns the host of `host:port`, without the brackets of IPv6."""
    netloc = netloc.strip().lower()
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0]
    return netloc.partition(":")[0].rstrip(".")


def _with_port(netloc: str, default: str) -> str:
    has_port = ":" in netloc.rpartition("]")[2]
    return netloc if has_port else f"{netloc}:{default}"
