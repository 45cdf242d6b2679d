"""What an answer says beside its text: something about the recording or the request to know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """One entry of `warnings` in an answer.

    Attributes:
        code: for programs, such as `resynchronised`.
        message: for people: what was found, and what was done about it.
    """

    code: str
    message: str
