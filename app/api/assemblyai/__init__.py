"""AssemblyAI's API for recordings, /v2/upload and /v2/transcript, over the jobs."""

from app.api.assemblyai import exports, transcripts, uploads
from app.api.assemblyai.webhook import webhook_message

ROUTERS = (uploads.router, transcripts.router, exports.router)

__all__ = ["ROUTERS", "webhook_message"]
