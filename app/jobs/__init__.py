"""Jobs: recordings that are handed in, worked on once whatever happens, and fetched later."""

from app.jobs.audit import requested_from
from app.jobs.service import JobService
from app.jobs.types import JobResult, Jobs, Owner, Submission

__all__ = ["JobResult", "JobService", "Jobs", "Owner", "Submission", "requested_from"]
