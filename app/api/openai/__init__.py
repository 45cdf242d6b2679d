"""OpenAI's transcription API over the same pipeline: REST, server-sent events, Realtime."""

from app.api.openai import models, transcriptions

ROUTERS = (transcriptions.router, models.router)

__all__ = ["ROUTERS"]
