"""POST /v1/listen, Deepgram's API for recordings."""

from app.api.deepgram.listen import router

__all__ = ["router"]
