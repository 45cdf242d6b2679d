"""Ctrl-C and SIGTERM in, a clean end after the update that is being made out."""

import signal
from collections.abc import Callable


class InterruptFlag:
    """While entered, the two signals ask for an end instead of making one."""

    def __init__(self) -> None:
        self._asked = False

    def __enter__(self) -> Callable[[], bool]:
        """Return what tells whether a signal has come."""
        self._previous = {
            number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return lambda: self._asked

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _ask(self, *_: object) -> None:
        self._asked = True
