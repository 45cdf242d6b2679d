"""The page people open: the files of app/web in, `/` and `/web/…` out.

Nothing is built and nothing comes from elsewhere, so the policy sent along forbids both.
"""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).resolve().parents[1] / "web"
_POLICY = "; ".join(
    (
        "default-src 'self'",
        # The recording a person chose or made is played from memory.
        "media-src 'self' blob:",
        "img-src 'self' data:",
        # In Safari before 15.4 'self' left WebSockets out; ws: would let them go anywhere.
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    # Names do not change with their content: ask each time, most answers are a short 304.
    "cache-control": "no-cache",
}
# Some systems' tables of types do not know these, and a module of another type does not run.
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
}

router = APIRouter(include_in_schema=False)
_files = StaticFiles(directory=FOLDER)


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """The page itself."""
    return await _file("index.html", request)


@router.api_route("/web/{path:path}", methods=["GET", "HEAD"])
async def file(path: str, request: Request) -> Response:
    """Its style sheets, modules, font and icon."""
    return await _file(path, request)


async def _file(path: str, request: Request) -> Response:
    response = await _files.get_response(path, request.scope)
    response.headers.update(_HEADERS)
    kind = _TYPES.get(Path(path).suffix)
    if kind is not None and "content-type" in response.headers:
        response.headers["content-type"] = kind
    return response
