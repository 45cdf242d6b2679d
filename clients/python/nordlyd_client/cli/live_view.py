"""Shows live events: redrawn text on a terminal, lines elsewhere, or JSON."""

import json
import sys
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from nordlyd_client.contract.stream import Final, Partial
from nordlyd_client.events import LiveEvent


class View(Protocol):
    """Shows events as they arrive; used in a `with`."""

    def show(self, event: LiveEvent) -> None:
        """Shows one event."""

    def __enter__(self) -> Self:
        """Prepares the screen."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restores the screen."""


class _Plain:
    """A view with nothing to clean up."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


class Lines(_Plain):
    """Prints one line for each utterance, once it is final."""

    def show(self, event: LiveEvent) -> None:
        """Prints a final text."""
        text = final_text(event)
        if text:
            print(text, flush=True)


class Messages(_Plain):
    """Prints one JSON object for each event, as the server sends them."""

    def show(self, event: LiveEvent) -> None:
        """Prints the event."""
        print(json.dumps(event.as_dict(), ensure_ascii=False), flush=True)


class Screen:
    """Redraws the current utterance; the part that may still change is dim."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def show(self, event: LiveEvent) -> None:
        """Draws a partial text, or prints a final one."""
        if isinstance(event, Partial):
            rest = event.text[len(event.stable) :] if event.stable else event.text
            self._live.update(Text(event.stable) + Text(rest, style="dim"), refresh=True)
            return
        if isinstance(event, Final):
            self._live.update(Text(), refresh=True)
            text = final_text(event)
            if text:
                self._live.console.print(Text(text))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()


def open_view(*, as_json: bool) -> View:
    """Returns the view that fits stdout."""
    if as_json:
        return Messages()
    return Screen(Console()) if sys.stdout.isatty() else Lines()


def final_text(event: LiveEvent) -> str | None:
    """Returns the text of a final event, the formatted one if there is one; None of others."""
    if not isinstance(event, Final):
        return None
    return event.text if event.formatted_text is None else event.formatted_text
