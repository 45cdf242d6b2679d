"""The HTTP side: parts in, a FastAPI application with every route and middleware out."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version

from fastapi import FastAPI, Security
from fastapi_offline import FastAPIOffline

from app.api import (
    align,
    deepgram,
    health,
    metrics,
    openai,
    page,
    progress,
    render,
    stream,
    transcribe,
)
from app.api.auth import DOCUMENTED_BEARER, Authentication
from app.api.errors import install_error_handlers
from app.api.middleware import LingeringClose, Observability, UploadLimit
from app.api.parts import Parts

_DESCRIPTION = (
    "Speech-to-text for Norwegian and Danish. Every error has the same form, and every answer "
    "carries `x-request-id`."
)


def build_api(
    parts: Parts, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]
) -> FastAPI:
    """Join routes, middleware and error handlers.

    Args:
        parts: what the routes use.
        lifespan: runs while the application does.
    """
    # FastAPI's own page loads its scripts from elsewhere, which a house without internet cannot.
    app = FastAPIOffline(
        docs_url="/docs",
        redoc_url=None,
        title="Nordlyd",
        version=version("nordlyd"),
        description=_DESCRIPTION,
        lifespan=lifespan,
    )
    app.state.parts = parts
    install_error_handlers(app)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(page.router)
    for router in (
        transcribe.router,
        align.router,
        progress.router,
        render.router,
        deepgram.router,
        *openai.ROUTERS,
    ):
        app.include_router(router, dependencies=[Security(DOCUMENTED_BEARER)])
    for socket in (stream.router, *openai.SOCKETS):
        app.include_router(socket)
    # The last added is the outermost.
    limit = round(parts.settings.max_upload_mb * 2**20)
    app.add_middleware(UploadLimit, limit=limit)
    app.add_middleware(Authentication, keys=parts.settings.api_keys)
    app.add_middleware(Observability, telemetry=parts.telemetry)
    app.add_middleware(LingeringClose)
    return app
