"""OpenAI's transcription API over the same pipeline: REST, server-sent events, Realtime."""

from app.api.openai import models, realtime, transcriptions

ROUTERS = (transcriptions.router, models.router)
SOCKETS = (realtime.router,)

__all__ = ["ROUTERS", "SOCKETS"]
