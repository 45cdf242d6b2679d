"""Jobs: recordings that are handed in, worked on once whatever happens, and fetched later."""

from app.jobs.retention import RetentionPolicy
from app.jobs.service import JobService
from app.jobs.types import (
    Corrections,
    JobResult,
    Jobs,
    Owner,
    Submission,
    Uploads,
    WebhookMessage,
    Webhooks,
    result_version,
)

__all__ = [
    "Corrections",
    "JobResult",
    "JobService",
    "Jobs",
    "Owner",
    "RetentionPolicy",
    "Submission",
    "Uploads",
    "WebhookMessage",
    "Webhooks",
    "result_version",
]
