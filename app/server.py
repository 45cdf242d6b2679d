"""Runs the service: start, serve until a signal comes, drain, stop.

The models' folders are located before the address is bound, and the weights are read after it, so
that health can be queried while they load.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from math import ceil
from types import FrameType

import structlog
import uvicorn

from app.api import AppState
from app.api.origins import OriginRules
from app.binding import bind, check_bind, local_address
from app.database import Database
from app.keys.existing import existing_store
from app.main import Build, Report, build_local, create_app
from app.pipeline import Service
from app.protocols import Port, ProtocolContext, ProtocolServer
from app.serving import Connections, HttpLimits, bound_protocols, default_limit
from app.settings import Settings

# A client may send audio faster than it is read; its pong then queues behind that audio.
_PONG_SECONDS = 60
# What answers and lingering connections may take once every request is finished or cut off.
_CLOSE_SECONDS = 3
_TICK_SECONDS = 0.1

_log = structlog.get_logger("nordlyd.server")


def serve(
    settings: Settings,
    *,
    on_ready: Callable[[str, bool], None] | None = None,
    report: Report | None = None,
    build: Build = build_local,
) -> int:
    """Runs the service until a signal ends it.

    Args:
        settings: everything that can be configured.
        on_ready: called once every model is loaded, with the address and whether a key is needed.
        report: called with what is about to be fetched from the hub, if anything is.
        build: builds the part of the service that computes.

    Returns:
        The exit status: 0 after a drain, even if some work was cut off.

    Raises:
        ConfigurationError: the service cannot start, or a model could not be loaded.
    """
    check_bind(settings, lambda: _has_stored_keys(settings))
    app = create_app(settings, report=report, build=build)
    state: AppState = app.state.app_state
    connections = Connections(settings.connections or default_limit(), state.telemetry)
    with bind(settings.host, settings.port) as listener:
        address = local_address("http", settings.host, listener)
        protocols = _bind_protocols(settings, state, connections)
        for each in (address, *(protocol.address for protocol in protocols)):
            _log.info("listening", address=each)

        def report_ready() -> None:
            _log.info("ready", address=address)
            if on_ready is not None:
                on_ready(address, state.keys.needed)

        http, websocket = bound_protocols(connections, HttpLimits.of(settings))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            http=http,
            ws=websocket,
            timeout_keep_alive=ceil(settings.keep_alive_seconds),
            timeout_graceful_shutdown=_CLOSE_SECONDS,
            # Audio does not compress, and trying costs a window of memory for each connection.
            ws_per_message_deflate=False,
            ws_ping_timeout=_PONG_SECONDS,
        )
        server = _Server(
            config,
            state.service,
            protocols,
            drain_seconds=settings.drain_seconds,
            on_ready=report_ready,
        )
        server.run(sockets=[listener])
    if state.service.failure is not None:
        raise state.service.failure
    _log.info("stopped")
    return 0


class _Server(uvicorn.Server):
    """Uvicorn's server, which drains the service before it stops, and then exits with status 0.

    Args:
        config: uvicorn's own.
        service: drains when a signal comes.
        protocols: servers on ports of their own, which start and stop with this one.
        drain_seconds: how long running requests may take to finish.
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
        self._on_ready = on_ready
        self._signals = 0
        self._ticks = 0
        self._exit_requested = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the application and every protocol."""
        await super().startup(sockets)
        if not self.should_exit:
            for protocol in self._protocols:
                await protocol.start()

    async def main_loop(self) -> None:
        """Serves, also while models load, until a signal comes or a model fails; then drains."""
        while not (self._service.readiness.ready or self._must_end):
            await self._tick()
        if self._service.readiness.ready:
            self._on_ready()
        while not self._must_end:
            await self._tick()
        if self._service.failure is None:
            await self._drain()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops every protocol, and then the application that they use."""
        for protocol in self._protocols:
            await protocol.stop()
        self._service.cut_off.set()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Notes a signal; the next tick acts on it. The second one ends the drain."""
        self._signals += 1

    @property
    def _must_end(self) -> bool:
        return self._signals > 0 or self._exit_requested or self._service.failure is not None

    async def _tick(self) -> None:
        """Lets uvicorn do its periodic work, such as the date of the answers, and waits."""
        self._exit_requested = await super().on_tick(self._ticks)
        self._ticks += 1
        if not self._exit_requested:
            await asyncio.sleep(_TICK_SECONDS)

    async def _drain(self) -> None:
        """Refuses new work, and waits for the running work as long as it may take."""
        self._service.begin_drain()
        until = time.monotonic() + self._drain_seconds
        _log.info("draining", seconds=self._drain_seconds, idle=self._service.idle)
        while not self._service.idle:
            if time.monotonic() >= until or self._signals > 1:
                _log.warning("cutting off running requests")
                self._service.cut_off.set()
                return
            await self._tick()


def _has_stored_keys(settings: Settings) -> bool:
    with closing(Database.of(settings)) as database:
        store = existing_store(database)
        return store is not None and bool(store.list())


def _bind_protocols(
    settings: Settings, state: AppState, connections: Connections
) -> list[ProtocolServer]:
    """Binds the ports of the protocols that are configured."""
    context = ProtocolContext(
        state.service,
        state.live,
        state.telemetry,
        keys=state.keys,
        quotas=state.quotas,
        allow_anonymous=settings.allow_anonymous,
        origins=OriginRules.of(settings),
        connections=connections,
        message_seconds=settings.live_message_seconds,
        max_hotwords=settings.max_hotwords,
        idle_seconds=settings.live_idle_seconds,
    )
    protocols: list[ProtocolServer] = []

    def open_port(scheme: str, number: int, setting: str) -> Port:
        listener = bind(settings.host, number, setting)
        return Port(listener, local_address(scheme, settings.host, listener))

    # Imported only where they are used: each brings libraries along.
    if settings.vosk_port is not None:
        from app.protocols.vosk import VoskServer  # noqa: PLC0415

        protocols.append(VoskServer(open_port("ws", settings.vosk_port, "vosk_port"), context))
    if settings.wyoming_port is not None:
        from app.protocols.wyoming import WyomingServer  # noqa: PLC0415

        port = open_port("tcp", settings.wyoming_port, "wyoming_port")
        protocols.append(WyomingServer(port, context))
    return protocols
