"""The routes of /jobs: recordings handed in, and their transcripts fetched later."""

from app.api.jobs import correct, events, read, submit, webhooks

ROUTERS = (submit.router, read.router, correct.router, events.router, webhooks.router)

__all__ = ["ROUTERS"]
