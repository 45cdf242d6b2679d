"""Server-sent events, in the form of the HTML standard: what they are sent as, and with what."""

MEDIA_TYPE = "text/event-stream"
HEADERS = {
    "cache-control": "no-store",
    # nginx would buffer small events.
    "x-accel-buffering": "no",
}
KEEP_ALIVE_SECONDS = 15.0
"""Without an event for so long, a comment is sent, so that no proxy takes the stream for dead."""
KEEP_ALIVE = ": still working\n\n"


def encode_event(data: str, *, name: str | None = None, event_id: int | None = None) -> str:
    """Returns one event as it is sent.

    Args:
        data: one line, such as JSON.
        name: the type of the event; None takes the default, `message`.
        event_id: what the client sends back as `Last-Event-ID`.
    """
    lines = [] if event_id is None else [f"id: {event_id}"]
    if name is not None:
        lines.append(f"event: {name}")
    return "\n".join([*lines, f"data: {data}", "", ""])
