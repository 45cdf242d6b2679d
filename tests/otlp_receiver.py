"""A receiver of traces on loopback: OTLP over HTTP, decoded by OpenTelemetry's own messages."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from loopback_http import http_server
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

KINDS = {
    SpanMessage.SPAN_KIND_INTERNAL: "internal",
    SpanMessage.SPAN_KIND_SERVER: "server",
    SpanMessage.SPAN_KIND_CLIENT: "client",
    SpanMessage.SPAN_KIND_CONSUMER: "consumer",
}


@dataclass(frozen=True)
class ReceivedSpan:
    """A span; times are in nanoseconds since 1970, `parent` is empty without one."""

    name: str
    kind: str
    trace_id: str
    id: str
    parent: str
    state: str
    begun: int
    ended: int
    attributes: dict[str, object]
    failed: bool
    service: str


@dataclass
class TraceReceiver:
    """Where it listens, and what it received.

    Attributes:
        hangs: whether it answers only once it stops.
        bodies: of every request.
    """

    port: int = 0
    hangs: bool = False
    spans: list[ReceivedSpan] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a service that sends its traces here, soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    def named(self, name: str) -> Sequence[ReceivedSpan]:
        """The spans of a name."""
        return [span for span in self.spans if span.name == name]

    def wait(self, name: str, number: int = 1, seconds: float = 60.0) -> Sequence[ReceivedSpan]:
        """Waits until there are so many spans of a name; returns them."""
        until = time.monotonic() + seconds
        while len(found := self.named(name)) < number:
            assert time.monotonic() < until, [span.name for span in self.spans]
            time.sleep(0.02)
        return found

    def one(self, name: str) -> ReceivedSpan:
        """The only span of a name."""
        [span] = self.wait(name)
        return span

    def inside(self, parent: ReceivedSpan) -> dict[str, ReceivedSpan]:
        """The children of a span, by name."""
        return {span.name: span for span in self.spans if span.parent == parent.id}

    def accept(self, body: bytes) -> None:
        """Keeps the spans of a request."""
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            of_service = {
                each.key: each.value.string_value for each in resource.resource.attributes
            }
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(_received(span, of_service["service.name"]))


@contextmanager
def trace_receiver() -> Iterator[TraceReceiver]:
    """Receives on a free port of 127.0.0.1."""
    receiver = TraceReceiver()
    handler = type("Handler", (_Handler,), {"receiver": receiver})
    with http_server(handler) as receiver.port:
        try:
            yield receiver
        finally:
            receiver.stopping.set()


class _Handler(BaseHTTPRequestHandler):
    receiver: TraceReceiver

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        assert self.headers["content-type"] == "application/x-protobuf"
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.receiver.hangs:
            self.receiver.stopping.wait(60)
            return
        self.receiver.accept(body)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing."""


def _received(span: SpanMessage, service: str) -> ReceivedSpan:
    values = {
        each.key: getattr(each.value, str(each.value.WhichOneof("value")))
        for each in span.attributes
    }
    return ReceivedSpan(
        name=span.name,
        kind=KINDS[span.kind],
        trace_id=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        state=span.trace_state,
        begun=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        attributes=values,
        failed=span.status.code == 2,
        service=service,
    )
