"""OpenTelemetry traces: spans of requests, jobs and their stages, sent by OTLP over HTTP.

They are off unless a standard variable names an endpoint and the extra `otel` is installed; each
function here is then one comparison. This module alone imports OpenTelemetry, when traces start.
The provider is not OpenTelemetry's global one, so no library adds spans of its own to these.
"""

import os
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar, Token
from importlib.metadata import version
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import structlog

from app.errors import NordlydError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import SpanKind

Value: TypeAlias = str | int | float | bool
Kind: TypeAlias = Literal["internal", "server", "client", "consumer"]

CANCELLED = "cancelled"
"""The `error.type` of work that was not finished: its client is gone, or the service stops."""

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
_EXTRA = "nordlyd[otel]"
# For spans that are not sent yet when the service stops; the receiver may not answer.
_STOP_SECONDS = 2.0

_NOTHING: Mapping[str, str] = {}

_log = structlog.get_logger("nordlyd.traces")


class Span:
    """A span, open for as long as the context that it is; this one is not recorded."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the span."""

    @property
    def log_fields(self) -> Mapping[str, str]:
        """What log lines have of it: `trace_id`, where there is one."""
        return _NOTHING

    def set(self, name: str, value: Value) -> None:
        """Sets an attribute; never to text of a recording, a file's name, a URL or a key."""

    def rename(self, name: str) -> None:
        """Changes the name."""

    def fail(self, error_type: str) -> None:
        """Marks what it stands for as failed.

        Args:
            error_type: a code of errors, a status or the name of an exception.
        """


OFF = Span()
"""The span that is not recorded."""


class _Recorded(Span):
    """A span that is recorded.

    Args:
        span: OpenTelemetry's.
        is_root: whether it is the outermost one of a request or a job in this process.
        is_current: whether spans that begin within it are its children.
    """

    __slots__ = ("_audio_seconds", "_is_current", "_is_root", "_root_token", "_span", "_token")

    def __init__(self, span: "OtelSpan", *, is_root: bool, is_current: bool = True) -> None:
        self._span = span
        self._is_root = is_root
        self._is_current = is_current
        self._token: Token[Context] | None = None
        self._root_token: Token[_Recorded | None] | None = None
        self._audio_seconds = 0.0

    def __enter__(self) -> Self:
        from opentelemetry import context, trace  # noqa: PLC0415

        if self._is_current:
            self._token = context.attach(trace.set_span_in_context(self._span))
            if self._is_root:
                self._root_token = _root.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from opentelemetry import context  # noqa: PLC0415

        if self._root_token is not None:
            _root.reset(self._root_token)
        if self._token is not None:
            context.detach(self._token)
        if error is not None:
            self.fail(_error_type(error))
        self._span.end()

    @property
    def log_fields(self) -> Mapping[str, str]:
        return {"trace_id": f"{self._span.get_span_context().trace_id:032x}"}

    def set(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, error_type: str) -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        self._span.set_attribute("error.type", error_type)
        # Without a description: messages of errors repeat what a client has sent.
        self._span.set_status(StatusCode.ERROR)

    def add_recording(self, model: str, seconds: float) -> None:
        """Notes a recording that was transcribed or aligned; a request may have several."""
        self._audio_seconds += seconds
        self.set("nordlyd.model", model)
        self.set("nordlyd.audio.seconds", round(self._audio_seconds, 3))


_root: ContextVar[_Recorded | None] = ContextVar("outermost span of this process", default=None)


class _Exporting:
    """What makes spans and sends them.

    Args:
        provider: has the sampler, the resource and the exporter of the environment.
    """

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._provider = provider
        self._tracer = provider.get_tracer("nordlyd", version("nordlyd"))
        self._propagator = TraceContextTextMapPropagator()

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: "Context | None",
        attributes: Mapping[str, Value],
        begun: int | None = None,
    ) -> "OtelSpan":
        """Begins a span; without a parent, in the current one. `begun` is in nanoseconds."""
        return self._tracer.start_span(name, parent, _kind(kind), dict(attributes), (), begun)

    def extract(self, headers: Mapping[str, str]) -> "Context":
        """Returns the context of headers, an empty one where they have none that is valid."""
        from opentelemetry.context import Context  # noqa: PLC0415

        return self._propagator.extract(dict(headers), Context())

    def inject(self) -> dict[str, str]:
        """Returns the headers of the current context."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier

    def stop(self) -> None:
        """Sends what was not sent yet, for a short time."""
        # On a thread that the process does not wait for: an exporter cannot be interrupted.
        stopping = threading.Thread(target=self._provider.shutdown, name="stop-traces", daemon=True)
        stopping.start()
        stopping.join(_STOP_SECONDS)


_exporting: _Exporting | None = None


def start() -> None:
    """Sends traces from now on, where the environment names an endpoint for them.

    The variables are those of OpenTelemetry. Whatever keeps traces from being sent is a line in the
    log, and nothing else.
    """
    global _exporting  # noqa: PLW0603
    if _exporting is not None or not _is_wanted():
        return
    protocol = _first(_PROTOCOLS) or _PROTOCOL
    if protocol != _PROTOCOL:
        _log.warning("traces are off: unknown protocol", protocol=protocol, accepted=_PROTOCOL)
        return
    try:
        provider = _open_provider()
    except ImportError:
        _log.warning(
            "traces are off: an endpoint is set, and the packages to send them are not installed",
            endpoint_in=next(name for name in _ENDPOINTS if os.environ.get(name)),
            run=f"pip install '{_EXTRA}'",
        )
    except Exception as error:
        _log.warning("traces are off: the variables OTEL_* cannot be used", reason=str(error))
    else:
        _exporting = _Exporting(provider)
        _log.info("traces are on")


def stop() -> None:
    """Sends the spans that are not sent yet, and no further ones; takes two seconds at most."""
    global _exporting
    exporting, _exporting = _exporting, None
    if exporting is not None:
        exporting.stop()


def is_on() -> bool:
    """Returns whether traces are recorded."""
    return _exporting is not None


def span(name: str, kind: Kind = "internal") -> Span:
    """Returns a span of a stage, in the current span of a request or a job.

    Work for neither, such as that of live streams, has no spans of its own.
    """
    if _exporting is None or _root.get() is None:
        return OFF
    return _Recorded(_exporting.begin(name, kind, None, _NOTHING), is_root=False)


def root_span(
    name: str,
    kind: Kind,
    headers: Mapping[str, str],
    attributes: Mapping[str, Value] = _NOTHING,
    *,
    with_stages: bool = True,
) -> Span:
    """Returns the outermost span of a request or a job in this process.

    Args:
        name: of the span.
        kind: of the span.
        headers: `traceparent` and `tracestate` of what caused it, where there are any.
        attributes: with which it begins, so that samplers see them.
        with_stages: whether stages of the work have spans in it.
    """
    if _exporting is None:
        return OFF
    begun = _exporting.begin(name, kind, _exporting.extract(headers), attributes)
    return _Recorded(begun, is_root=True, is_current=with_stages)


def record(name: str, began_ago: float, ended_ago: float = 0.0) -> None:
    """Records a stage that is over, in the current span of a request or a job.

    Args:
        name: of its span.
        began_ago: how long ago it began, in seconds.
        ended_ago: how long ago it ended, in seconds.
    """
    if _exporting is None or _root.get() is None:
        return
    now = time.time_ns()
    begun = _exporting.begin(name, "internal", None, _NOTHING, now - round(began_ago * 1e9))
    begun.end(now - round(ended_ago * 1e9))


def note_recording(model: str, seconds: float) -> None:
    """Notes a recording on the outermost span: the id of its model, and its length."""
    if _exporting is None:
        return
    root = _root.get()
    if root is not None:
        root.add_recording(model, seconds)


def headers() -> dict[str, str]:
    """Returns `traceparent` and `tracestate` of the current span; empty without one."""
    if _exporting is None:
        return {}
    return _exporting.inject()


def _open_provider() -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    attributes: dict[str, str] = {"service.version": version("nordlyd")}
    found = Resource.create()
    if str(found.attributes.get("service.name", "")).startswith("unknown_service"):
        attributes["service.name"] = "nordlyd"
    provider = TracerProvider(resource=found.merge(Resource(attributes)), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _is_wanted() -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() or "otlp"
    if exporter not in {"otlp", "none"}:
        _log.warning("traces are off: unknown exporter", exporter=exporter, accepted="otlp, none")
    return exporter == "otlp" and _first(_ENDPOINTS) is not None


def _first(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def _kind(kind: Kind) -> "SpanKind":
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    return SpanKind[kind.upper()]


def _error_type(error: BaseException) -> str:
    if isinstance(error, NordlydError):
        return error.code
    return type(error).__qualname__ if isinstance(error, Exception) else CANCELLED
