"""Tracks the encoding progress of each running request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advance:
    """How many of how many windows of a recording are encoded; 0 of 0 before that is known."""

    done: int = 0
    windows: int = 0


class ProgressBoard:
    """The advance of each request that runs, by its id. Used from the event loop alone."""

    def __init__(self) -> None:
        self._running: dict[str, Advance] = {}

    @contextmanager
    def follow(self, request_id: str) -> Iterator[Callable[[int, int], None]]:
        """Yields the callback for a request's progress.

        Where two requests run under one id, the board has the latest call of either.
        """

        def advance(done: int, windows: int) -> None:
            self._running[request_id] = Advance(done, windows)

        advance(0, 0)
        try:
            yield advance
        finally:
            self._running.pop(request_id, None)

    def of(self, request_id: str) -> Advance | None:
        """Returns how far a request is; None where none of that id runs."""
        return self._running.get(request_id)
