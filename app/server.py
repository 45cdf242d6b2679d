"""Settings in, a service that runs until it is told to stop out, and then an exit status.

The models' folders are found before the address is bound, and the weights are read after it.
SIGTERM drains: readiness turns false, new work is refused, what runs is finished.
"""

import socket
import time
from collections.abc import Callable, Sequence
from math import ceil
from types import FrameType

import structlog
import uvicorn

from app.api import AppState
from app.api.origins import OriginRules, is_loopback
from app.catalogue import PullPlan
from app.errors import ConfigurationError
from app.main import create_app
from app.pipeline import Service
from app.protocols import Port, ProtocolContext, ProtocolServer
from app.serving import Connections, HttpLimits, bound_protocols, default_limit
from app.settings import Settings

_BACKLOG = 2048
# A client that sends faster than is heard has its pong waiting behind all that audio.
_PONG_SECONDS = 60
# What is left of answers and lingering connections once every request is finished or cut off.
_CLOSE_SECONDS = 3

_log = structlog.get_logger("nordlyd.server")


def serve(
    settings: Settings,
    *,
    on_ready: Callable[[str], None] | None = None,
    report: Callable[[PullPlan], None] | None = None,
) -> int:
    """Run the service until a signal ends it.

    Args:
        settings: everything that can be set.
        on_ready: called with the address once every model is loaded.
        report: told what is about to be fetched from the hub, if anything is.

    Returns:
        The exit status: 0 after a drain, however much of it was cut off.

    Raises:
        ConfigurationError: the service cannot start, or a model could not be loaded.
    """
    check_bind(settings)
    app = create_app(settings, report=report)
    parts: AppState = app.state.parts
    connections = Connections(settings.connections or default_limit(), parts.telemetry)
    http, websocket = bound_protocols(connections, HttpLimits.of(settings))
    with bind(settings.host, settings.port) as listener:
        address = _address("http", settings.host, listener)
        protocols = _protocols(settings, parts, connections)
        for each in (address, *(protocol.address for protocol in protocols)):
            _log.info("listening", address=each)

        def ready() -> None:
            _log.info("ready", address=address)
            if on_ready is not None:
                on_ready(address)

        server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                http=http,
                ws=websocket,
                timeout_keep_alive=ceil(settings.keep_alive_seconds),
                timeout_graceful_shutdown=_CLOSE_SECONDS,
                # Audio does not get smaller, and trying costs a window of memory a connection.
                ws_per_message_deflate=False,
                ws_ping_timeout=_PONG_SECONDS,
            ),
            parts.service,
            protocols,
            drain_seconds=settings.drain_seconds,
            on_ready=ready,
        )
        server.run(sockets=[listener])
    if parts.service.failure is not None:
        raise parts.service.failure
    _log.info("stopped")
    return 0


def check_bind(settings: Settings) -> None:
    """Refuse to serve without keys where strangers can come, unless that is asked for.

    Raises:
        ConfigurationError: the host is not a loopback address, and there are no keys; or there are
            keys, and a protocol is to be served whose clients cannot send one.
    """
    if settings.allow_anonymous:
        return
    public = not is_loopback(settings.host)
    if settings.wyoming_port is not None and (public or settings.api_keys):
        reason = "can be reached from other machines" if public else "has API keys set"
        raise ConfigurationError(
            f"{settings.host} {reason}, and clients of NORDLYD_WYOMING_PORT cannot send a key: set "
            "NORDLYD_ALLOW_ANONYMOUS=true (the other ports still need a key) and let only those "
            "you trust reach that port, or unset it",
            param="wyoming_port",
        )
    if settings.api_keys or not public:
        return
    raise ConfigurationError(
        f"{settings.host} can be reached from other machines and no API keys are set: set "
        "NORDLYD_API_KEYS, or NORDLYD_ALLOW_ANONYMOUS=true behind a gateway of your own, or "
        "bind 127.0.0.1",
        param="api_keys",
    )


def bind(host: str, port: int, setting: str = "port") -> socket.socket:
    """Bind the address; `setting` is what the port comes from.

    Raises:
        ConfigurationError: there is no such address here, or it is taken.
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


class _Server(uvicorn.Server):
    """Uvicorn, but for what a signal does: it drains first, and the exit status stays 0.

    Args:
        config: uvicorn's own.
        service: what drains.
        protocols: servers on ports of their own, which start and stop with this one.
        drain_seconds: how long running requests may take.
        on_ready: called once, when every model is loaded.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        protocols: Sequence[ProtocolServer],
        *,
        drain_seconds: float,
        on_ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._service = service
        self._protocols = tuple(protocols)
        self._drain_seconds = drain_seconds
        self._on_ready: Callable[[], None] | None = on_ready
        self._signals = 0
        self._drain_until: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start with everything that is served."""
        await super().startup(sockets)
        if not self.should_exit:
            for protocol in self._protocols:
                await protocol.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End everything that is served, before what serves it ends."""
        for protocol in self._protocols:
            await protocol.stop()
        # Whatever still runs is not waited for.
        self._service.cut_off.set()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Note the signal; the next tick acts on it. A second one ends the wait."""
        self._signals += 1

    async def on_tick(self, counter: int) -> bool:
        """Look ten times a second at what there is to do; True ends the server."""
        if self._service.failure is not None:
            return True
        if self._on_ready is not None and self._service.readiness.ready:
            self._on_ready()
            self._on_ready = None
        if self._signals and self._drain_until is None:
            self._drain_until = time.monotonic() + self._drain_seconds
            self._service.begin_drain()
            _log.info("draining", seconds=self._drain_seconds, idle=self._service.idle)
        if self._drain_until is not None:
            late = time.monotonic() >= self._drain_until or self._signals > 1
            if late and not self._service.idle:
                _log.warning("cutting off what still runs")
                self._service.cut_off.set()
            if late or self._service.idle:
                return True
        return await super().on_tick(counter)


def _protocols(
    settings: Settings, parts: AppState, connections: Connections
) -> list[ProtocolServer]:
    """Bind the ports of the protocols that are on."""
    context = ProtocolContext(
        parts.service,
        parts.live,
        parts.telemetry,
        keys=settings.api_keys,
        origins=OriginRules.of(settings),
        connections=connections,
        message_seconds=settings.live_message_seconds,
        idle_seconds=settings.live_idle_seconds,
    )
    protocols: list[ProtocolServer] = []

    def opened(scheme: str, number: int, setting: str) -> Port:
        listener = bind(settings.host, number, setting)
        return Port(listener, _address(scheme, settings.host, listener))

    if settings.vosk_port is not None:
        from app.protocols.vosk import VoskServer  # noqa: PLC0415 - only who wants it pays

        protocols.append(VoskServer(opened("ws", settings.vosk_port, "vosk_port"), context))
    if settings.wyoming_port is not None:
        from app.protocols.wyoming import WyomingServer  # noqa: PLC0415 - as above

        port = opened("tcp", settings.wyoming_port, "wyoming_port")
        protocols.append(WyomingServer(port, context))
    return protocols


def _address(scheme: str, host: str, listener: socket.socket) -> str:
    """Where a client on this machine finds it."""
    port = listener.getsockname()[1]
    shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"{scheme}://[{shown}]:{port}" if ":" in shown else f"{scheme}://{shown}:{port}"
