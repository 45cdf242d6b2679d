"""Durable jobs: recordings handed in, worked on through restarts, and fetched later."""

from app.jobs.audit import requested_from
from app.jobs.types import JobResult, Jobs, Owner, Submission

__all__ = ["JobResult", "Jobs", "Owner", "Submission", "requested_from"]
