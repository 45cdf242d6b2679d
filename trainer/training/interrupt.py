"""Ctrl-C and SIGTERM end a training after the update that is being made."""

import signal
from collections.abc import Callable


class InterruptFlag:
    """While entered, the two signals set a flag instead of ending the process."""

    def __init__(self) -> None:
        self._requested = False

    def __enter__(self) -> Callable[[], bool]:
        """Returns a function that returns whether a signal has arrived."""
        self._previous = {
            number: signal.signal(number, self._request)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        return lambda: self._requested

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _request(self, *_: object) -> None:
        self._requested = True
