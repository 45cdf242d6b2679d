"""Ctrl-C and SIGTERM end a training after the update that is being made."""

import signal
from collections.abc import Callable
from threading import Thread


class InterruptFlag:
    """While entered, the two signals set a flag instead of ending the process.

    Args:
        notify: called with a line when the first signal arrives.
    """

    def __init__(self, notify: Callable[[str], None] = lambda _: None) -> None:
        self._notify = notify
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
        if not self._requested:
            self._requested = True
            # Not here: the signal may have arrived within a write to the same stream.
            line = "stopping: this update is finished and saved first"
            Thread(target=self._notify, args=(line,)).start()
