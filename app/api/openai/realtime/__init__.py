"""OpenAI's Realtime transcription over WebSocket, with the live streams of `app.streaming`."""

from app.api.openai.realtime.route import router

__all__ = ["router"]
