"""The metrics of the service, each defined once. Buckets are chosen by hand for each stage."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric

_STAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_CONNECTION_REASONS = (
    "connections", "head", "request_timeout", "header_too_large", "unread", "invalid_request",
)  # fmt: skip
_WORKER_REASONS = ("crash", "hang", "memory", "cancelled", "zygote")
KEPT_STATES = ("queued", "processing", "completed", "failed")
"""States of jobs that are kept; a cancelled one is erased."""

_END_STATES = ("completed", "failed", "cancelled")
_DELIVERY_STATES = ("delivered", "pending", "failed")
_JOB_BUCKETS = (1, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
_RTF_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Telemetry:
    """The metrics of one service instance, on a registry of their own.

    Args:
        registry: where the metrics are registered; a new one by default, so that tests and
            several apps in one process do not share counters.

    Attributes:
        registry: as given.
        merge: returns what is exposed, given the metrics of this process; other processes that
            work for this service may be added.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.merge: Callable[[Iterable[Metric]], Iterable[Metric]] = iter
        self.requests = Counter(
            "nordlyd_requests", "HTTP requests.", ["route", "status"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "nordlyd_request_seconds",
            "Time from the request's first byte to the answer's last.",
            ["route"],
            buckets=_STAGE_BUCKETS,
            registry=self.registry,
        )
        self.audio_seconds = Counter(
            "nordlyd_audio_seconds",
            "Audio received, in seconds.",
            ["model"],
            registry=self.registry,
        )
        self.failures = Counter(
            "nordlyd_failures",
            "Requests that failed, by error code.",
            ["code"],
            registry=self.registry,
        )
        self.queue_seconds = Gauge(
            "nordlyd_queue_audio_seconds",
            "Audio waiting or running, in seconds.",
            registry=self.registry,
        )
        self.queue_limit_seconds = Gauge(
            "nordlyd_queue_limit_audio_seconds",
            "Audio that may wait before requests are refused, in seconds.",
            registry=self.registry,
        )
        self.batch_items = Histogram(
            "nordlyd_batch_items",
            "Windows in a batch.",
            ["model"],
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=self.registry,
        )
        self.batch_padded_seconds = Histogram(
            "nordlyd_batch_padded_seconds",
            "Audio seconds in a batch, padding included.",
            ["model"],
            buckets=(1, 2, 5, 10, 20, 40, 80, 160, 320, 640),
            registry=self.registry,
        )
        self.batch_padding_share = Histogram(
            "nordlyd_batch_padding_share",
            "Share of a batch that is padding, 0 to 1.",
            ["model"],
            buckets=(0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
            registry=self.registry,
        )
        self.stage_seconds = Histogram(
            "nordlyd_stage_seconds",
            "Time a request spent in a stage: decode_audio, queue, encode, decode_text, diarize.",
            ["stage"],
            buckets=_STAGE_BUCKETS,
            registry=self.registry,
        )
        self.real_time_factor = Histogram(
            "nordlyd_real_time_factor",
            "Processing time divided by audio duration.",
            ["model"],
            buckets=_RTF_BUCKETS,
            registry=self.registry,
        )
        self.model_info = Gauge(
            "nordlyd_model_info",
            "1 for each loaded model.",
            ["model", "device", "dtype", "kernels"],
            registry=self.registry,
        )
        self.connections = Gauge(
            "nordlyd_connections",
            "Open connections, on all ports.",
            registry=self.registry,
        )
        self.connections_ended = Counter(
            "nordlyd_connections_ended",
            "Connections that were refused or ended by a limit, by what they broke.",
            ["reason"],
            registry=self.registry,
        )
        _begin_at_zero(self.connections_ended, _CONNECTION_REASONS)
        self.live_streams = Gauge(
            "nordlyd_live_streams",
            "Live streams, those kept for a client to connect again included.",
            registry=self.registry,
        )
        self.live_word_seconds = Histogram(
            "nordlyd_live_word_seconds",
            "Time from the arrival of a word's last sample until it is stable.",
            ["model"],
            buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10),
            registry=self.registry,
        )
        self.media_worker_restarts = Counter(
            "nordlyd_media_worker_restarts",
            "Processes decoding audio that were replaced: crash, hang, memory, cancelled, zygote.",
            ["reason"],
            registry=self.registry,
        )
        _begin_at_zero(self.media_worker_restarts, _WORKER_REASONS)
        self.jobs = Gauge(
            "nordlyd_jobs",
            "Jobs in the database, by status, of all processes that share it.",
            ["status"],
            registry=self.registry,
        )
        _begin_at_zero(self.jobs, KEPT_STATES)
        self.oldest_queued_job_seconds = Gauge(
            "nordlyd_oldest_queued_job_seconds",
            "Age of the oldest queued job; 0 without one.",
            registry=self.registry,
        )
        self.jobs_ended = Counter(
            "nordlyd_jobs_ended",
            "Jobs that this process ended: completed, failed, cancelled.",
            ["status"],
            registry=self.registry,
        )
        _begin_at_zero(self.jobs_ended, _END_STATES)
        self.job_seconds = Histogram(
            "nordlyd_job_seconds",
            "Time from a job's submission until it was completed or failed.",
            buckets=_JOB_BUCKETS,
            registry=self.registry,
        )
        self.webhook_attempts = Counter(
            "nordlyd_webhook_attempts",
            "Attempts to deliver a webhook, by the delivery's state after it: delivered, pending, "
            "failed.",
            ["state"],
            registry=self.registry,
        )
        _begin_at_zero(self.webhook_attempts, _DELIVERY_STATES)
        self.ready = Gauge(
            "nordlyd_ready",
            "1 while every loaded model answers on its device thread.",
            registry=self.registry,
        )

    def collect(self) -> Iterable[Metric]:
        """Returns the metrics of the service, as a registry does."""
        return self.merge(self.registry.collect())


def _begin_at_zero(metric: Counter | Gauge, values: Sequence[str]) -> None:
    """Exposes a metric at 0, since Prometheus' rate() misses the first event otherwise."""
    for value in values:
        metric.labels(value)
