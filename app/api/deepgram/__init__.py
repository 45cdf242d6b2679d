"""POST /v1/listen as Deepgram's clients speak it: parameters in, its form of answer out."""

from app.api.deepgram.listen import router

__all__ = ["router"]
