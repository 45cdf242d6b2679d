"""Binds the addresses of the service, and refuses those that should not be reachable."""

import socket
from collections.abc import Callable

from app.api.origins import is_loopback
from app.errors import ConfigurationError
from app.settings import Settings

_BACKLOG = 2048


def check_bind(settings: Settings, has_stored_keys: Callable[[], bool] = lambda: False) -> None:
    """Refuses to serve without keys on a public address, unless that is configured.

    Args:
        settings: everything that can be configured.
        has_stored_keys: returns whether the database has keys; called where that matters.

    Raises:
        ConfigurationError: the host is not a loopback address, and there are no keys; or there are
            keys, and a protocol is to be served whose clients cannot send one.
        NordlydError: as `has_stored_keys` raises it.
    """
    if settings.allow_anonymous:
        return
    public = not is_loopback(settings.host)
    if settings.wyoming_port is not None and (public or settings.api_keys or has_stored_keys()):
        reason = "can be reached from other machines" if public else "has API keys"
        raise ConfigurationError(
            f"{settings.host} {reason}, and clients of NORDLYD_WYOMING_PORT cannot send a key: set "
            "NORDLYD_ALLOW_ANONYMOUS=true (the other ports still need a key) and let only those "
            "you trust reach that port, or unset it",
            param="wyoming_port",
        )
    if settings.api_keys or not public or has_stored_keys():
        return
    raise ConfigurationError(
        f"{settings.host} can be reached from other machines and there are no API keys: make one "
        "with `nordlyd keys create`, or set NORDLYD_API_KEYS, or NORDLYD_ALLOW_ANONYMOUS=true "
        "behind a gateway of your own, or bind 127.0.0.1",
        param="api_keys",
    )


def bind(host: str, port: int, setting: str = "port") -> socket.socket:
    """Returns a socket that listens on an address.

    Args:
        host: name or address; empty for every address of the machine.
        port: 0 picks a free one.
        setting: name of the setting that the port comes from, for the message.

    Raises:
        ConfigurationError: the machine has no such address, or it is in use.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {reason}; choose another with --host"
            f"{' and --port' if setting == 'port' else ''}, or NORDLYD_HOST and "
            f"NORDLYD_{setting.upper()} (port 0 picks a free one)",
            param=setting,
        ) from error


def local_address(scheme: str, host: str, listener: socket.socket) -> str:
    """Returns the URL under which a client on this machine reaches a listener."""
    port = listener.getsockname()[1]
    shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"{scheme}://[{shown}]:{port}" if ":" in shown else f"{scheme}://{shown}:{port}"
