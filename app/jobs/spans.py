"""The spans of jobs and their webhooks, in the traces of the requests that made the jobs."""

from app import tracing
from app.jobs.rows import Record


def job_span(record: Record) -> tracing.Span:
    """Returns the span of an attempt at a job."""
    job = record.job
    span = tracing.root_span("job", "consumer", record.trace_context)
    span.set("nordlyd.job.id", job.id)
    span.set("nordlyd.job.kind", job.kind)
    span.set("nordlyd.job.attempt", record.attempts)
    return span


def webhook_span(record: Record, attempts: int) -> tracing.Span:
    """Returns the span of an attempt to deliver the webhook of a job.

    Args:
        record: of the job.
        attempts: how many there are, with this one.
    """
    span = tracing.root_span("webhook", "internal", record.trace_context)
    span.set("nordlyd.job.id", record.job.id)
    span.set("nordlyd.webhook.attempt", attempts)
    return span
