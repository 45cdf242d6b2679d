"""The routes of /jobs: recordings handed in, and their transcripts fetched later."""

from app.api.jobs import events, read, submit, webhooks

ROUTERS = (submit.router, read.router, events.router, webhooks.router)

__all__ = ["ROUTERS"]
