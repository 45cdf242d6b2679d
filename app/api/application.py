"""Builds the FastAPI application with every route and middleware."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version

from fastapi import FastAPI, Security
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline

from app.api import (
    admin,
    align,
    assemblyai,
    deepgram,
    health,
    jobs,
    known_speakers,
    metrics,
    openai,
    page,
    progress,
    render,
    stream,
    transcribe,
)
from app.api.auth import DOCUMENTED_BEARER, Authentication
from app.api.encodings import ContentDecoding
from app.api.errors import install_error_handlers
from app.api.middleware import LingeringClose, Observability, UploadLimit
from app.api.openapi import named_by_title
from app.api.origins import OriginGuard, OriginRules
from app.api.overload import OverloadGate
from app.api.paths import HeadAsGet, RootPath
from app.api.quotas import QuotaLimits
from app.api.state import AppState

_DESCRIPTION = (
    "Speech-to-text for Norwegian and Danish. Every error of a native route has the same form, and "
    "every answer carries `x-request-id`."
)
# Headers that a page of another origin may read, besides the default ones.
_EXPOSED = (
    "x-request-id", "x-queue-time", "x-compute-time", "x-nordlyd-warnings", "content-disposition",
    "retry-after", "retry-after-ms", "x-should-retry", "dg-request-id", "location",
    "idempotent-replayed", "ratelimit", "ratelimit-policy", "ratelimit-limit",
    "ratelimit-remaining", "ratelimit-reset", "etag",
)  # fmt: skip


def build_api(
    state: AppState, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]
) -> FastAPI:
    """Returns the application with its routes, middleware and error handlers.

    Args:
        state: of the service, for the routes.
        lifespan: starts and stops the service.
    """
    # FastAPI's own page loads its scripts from a CDN, which needs the internet.
    app = FastAPIOffline(
        docs_url="/docs",
        redoc_url=None,
        title="Nordlyd",
        version=version("nordlyd"),
        description=_DESCRIPTION,
        lifespan=lifespan,
    )
    app.openapi = named_by_title(app.openapi)  # type: ignore[method-assign]
    app.state.app_state = state
    install_error_handlers(app)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(page.router)
    for router in (
        transcribe.router,
        align.router,
        progress.router,
        render.router,
        *jobs.ROUTERS,
        known_speakers.router,
        deepgram.router,
        *assemblyai.ROUTERS,
        *openai.ROUTERS,
        *admin.ROUTERS,
    ):
        app.include_router(router, dependencies=[Security(DOCUMENTED_BEARER)])
    for socket in (stream.router, *openai.SOCKETS):
        app.include_router(socket)
    _add_middleware(app, state)
    return app


def _add_middleware(app: FastAPI, state: AppState) -> None:
    """Adds the middleware; the last added is the outermost."""
    settings = state.settings
    limit = round(settings.max_upload_mb * 2**20)
    cut_off = state.service.cut_off
    app.add_middleware(HeadAsGet)
    app.add_middleware(ContentDecoding, limit=limit)
    app.add_middleware(UploadLimit, limit=limit, cut_off=cut_off)
    app.add_middleware(OverloadGate, service=state.service)
    app.add_middleware(QuotaLimits, quotas=state.quotas)
    app.add_middleware(Authentication, keys=state.keys)
    if settings.cors_origins:
        # Outside of authentication: a browser's preflight has no key.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=["*"],
            # A listed page on the internet may call a service in the local network.
            allow_private_network=True,
            expose_headers=_EXPOSED,
        )
    app.add_middleware(OriginGuard, rules=OriginRules.of(settings))
    app.add_middleware(Observability, telemetry=state.telemetry)
    app.add_middleware(LingeringClose, cut_off=cut_off)
    if settings.root_path:
        app.add_middleware(RootPath, prefix=settings.root_path)
