"""OpenAI's transcription API: REST, server-sent events and Realtime."""

from app.api.openai import models, realtime, transcriptions

ROUTERS = (transcriptions.router, models.router)
SOCKETS = (realtime.router,)

__all__ = ["ROUTERS", "SOCKETS"]
