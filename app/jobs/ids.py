"""Makes the ids of jobs, which sort by the time they were made at."""

import re
import secrets
import time

_FORM = re.compile(r"job_[0-9a-f]{32}")
_RANDOM_BITS = 74


def new_job_id() -> str:
    """Returns `job_` and a UUID of version 7 (RFC 9562) in hexadecimal, without hyphens."""
    milliseconds = time.time_ns() // 1_000_000
    bits = secrets.randbits(_RANDOM_BITS)
    number = milliseconds << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0b10 << 62 | bits & (2**62 - 1)
    return f"job_{number:032x}"


def is_job_id(text: str) -> bool:
    """Returns whether a text has the form of a job's id."""
    return _FORM.fullmatch(text) is not None
