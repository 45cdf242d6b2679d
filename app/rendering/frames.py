"""Messages between the service and its rendering processes: a head of JSON, and a body."""

import json
import struct
from typing import Any

SIZES = struct.Struct("!II")
"""Lengths in bytes of the head and of the body, which follow."""


def frame(head: dict[str, Any], body: bytes = b"") -> bytes:
    """Returns a message as bytes."""
    text = json.dumps(head).encode()
    return SIZES.pack(len(text), len(body)) + text + body


def read_head(data: bytes) -> dict[str, Any]:
    """Returns the head of a message."""
    head: dict[str, Any] = json.loads(data)
    return head
