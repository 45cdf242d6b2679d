"""The web page: serves the files of app/web as `/` and `/web/…`.

The page has no inline scripts and loads nothing from other origins, so its policy forbids both.
"""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).resolve().parents[1] / "web"
_POLICY = "; ".join(
    (
        "default-src 'self'",
        # A chosen or recorded file is played from memory.
        "media-src 'self' blob:",
        "img-src 'self' data:",
        # Safari before 15.4 does not count WebSockets as 'self'; ws: would allow any host.
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
    # File names have no version: the browser revalidates each time, mostly with a short 304.
    "cache-control": "no-cache",
}
# Some systems lack these in their MIME tables, and browsers run no module of another type.
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
    """Returns the page itself."""
    return await _file("index.html", request)


@router.api_route("/web/{path:path}", methods=["GET", "HEAD"])
async def file(path: str, request: Request) -> Response:
    """Returns its style sheets, modules, font and icon."""
    return await _file(path, request)


async def _file(path: str, request: Request) -> Response:
    response = await _files.get_response(path, request.scope)
    response.headers.update(_HEADERS)
    kind = _TYPES.get(Path(path).suffix)
    if kind is not None and "content-type" in response.headers:
        response.headers["content-type"] = kind
    return response
