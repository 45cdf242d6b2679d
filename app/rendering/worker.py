"""The rendering process: reads requests from stdin and writes responses to stdout."""

import os
import resource
import signal
import sys
from typing import Any, BinaryIO

from pydantic import ValidationError

from app.contract.layout import Layout
from app.rendering.frames import SIZES, frame, read_head
from app.rendering.transcripts import render_json

# Recognition of speech has priority over rendering.
_NICE = 10
# Twice the measured need of the largest transcript that is accepted by default.
_MEMORY_BYTES = 2 * 2**30


def main() -> None:
    """Serves requests until the service closes the pipe."""
    # A terminal sends it to all processes; the service ends this one when it stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    while sizes := requests.read(SIZES.size):
        head, body = (requests.read(size) for size in SIZES.unpack(sizes))
        _reply(replies, read_head(head), body)


def _reply(replies: BinaryIO, options: dict[str, Any], body: bytes) -> None:
    try:
        rendered = render_json(body, **options | {"layout": Layout(**options["layout"])})
    except MemoryError:
        sys.exit("the transcript needs more memory than its rendering may take")
    except ValidationError as error:
        issues = error.errors(include_url=False, include_context=False, include_input=False)
        # A few are enough to correct a transcript of a million words.
        replies.write(frame({"issues": issues[:20]}))
    else:
        replies.write(frame({}, rendered.body))
    replies.flush()


if __name__ == "__main__":
    main()
