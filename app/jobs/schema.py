"""The tables of jobs as queries use them; `app/database/migrations/` makes them."""

import sqlalchemy as sa

metadata = sa.MetaData()

# Instants are seconds since 1970, UTC.
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text),
    # receiving: its recording is not kept yet; live; erasing: it is to be gone.
    sa.Column("phase", sa.Text),
    # The process that received it.
    sa.Column("receiver", sa.Text),
    # Whether its workflow is known to be in the queue.
    sa.Column("enqueued", sa.Boolean),
    sa.Column("status", sa.Text),
    sa.Column("kind", sa.Text),
    sa.Column("protocol", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("options", sa.JSON),
    sa.Column("protocol_options", sa.JSON),
    sa.Column("metadata", sa.JSON(none_as_null=True)),
    sa.Column("url", sa.Text),
    sa.Column("content_type", sa.Text),
    # None where it is not kept yet, or was kept by a version before this column.
    sa.Column("recording_digest", sa.Text),
    sa.Column("webhook_url", sa.Text),
    sa.Column("expires_in", sa.Double),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("request_digest", sa.Text),
    sa.Column("created_at", sa.Double),
    sa.Column("started_at", sa.Double),
    sa.Column("completed_at", sa.Double),
    sa.Column("expires_at", sa.Double),
    sa.Column("fetched_at", sa.Double),
    sa.Column("audio_erased_at", sa.Double),
    # Names the blob with its corrected transcript; None where there is none.
    sa.Column("correction", sa.Text),
    sa.Column("corrected_at", sa.Double),
    # Whether its sender agrees that the corrected transcript is kept for training.
    sa.Column("training", sa.Boolean),
    sa.Column("progress", sa.Double),
    sa.Column("seconds_left", sa.Double),
    sa.Column("duration", sa.Double),
    sa.Column("error", sa.JSON(none_as_null=True)),
    # How often work on it began without any of it being kept since.
    sa.Column("attempts", sa.Integer),
    # `traceparent` and `tracestate` of the request that made it, where traces were on.
    sa.Column("trace_context", sa.JSON(none_as_null=True)),
)

job_events = sa.Table(
    "job_events",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("job_id", sa.Text),
    sa.Column("event", sa.Text),
    # The columns of the job that change, as they were.
    sa.Column("fields", sa.JSON),
)

executors = sa.Table(
    "executors",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("seen_at", sa.Double),
)

# The recordings of the watched folder. Neither their names nor their contents are kept: a job that
# is erased is gone.
watched_files = sa.Table(
    "watched_files",
    metadata,
    # Digest of its path.
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger),
    # Nanoseconds since 1970.
    sa.Column("changed", sa.BigInteger),
    # Digest of its content, under its path.
    sa.Column("digest", sa.Text),
    # None once its results or its failure are written.
    sa.Column("job_id", sa.Text),
)

# The recordings that one of several processes hands in, or writes the results of.
watch_claims = sa.Table(
    "watch_claims",
    metadata,
    # Digest of its path.
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("claimant", sa.Text),
    # By the clock of the database.
    sa.Column("claimed_until", sa.Double),
)

# One message for each job that has a webhook and has ended.
webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("job_id", sa.Text),
    # The `webhook-id` of every attempt.
    sa.Column("id", sa.Text, primary_key=True),
    # Scheme, host and port of the URL.
    sa.Column("target", sa.Text),
    sa.Column("state", sa.Text),
    sa.Column("attempts", sa.Integer),
    sa.Column("created_at", sa.Double),
    sa.Column("next_attempt_at", sa.Double),
    # Until when the process that attempts it may take.
    sa.Column("claimed_until", sa.Double),
    sa.Column("delivered_at", sa.Double),
    sa.Column("last_status", sa.Integer),
    sa.Column("last_error", sa.Text),
)
