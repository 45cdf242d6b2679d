"""Live events in; text redrawn on a terminal, lines on anything else, or JSON out."""

import json
import sys
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from app.client import Final, LiveEvent, Partial
from app.client.events import write_event


class View(Protocol):
    """Shows events as they come; used in a `with`."""

    def show(self, event: LiveEvent) -> None:
        """Show one event."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the screen as it should be."""


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
    """One line for each utterance, once it is final."""

    def show(self, event: LiveEvent) -> None:
        """Print a final text."""
        text = final_text(event)
        if text:
            print(text, flush=True)


class Messages(_Plain):
    """One JSON object for each event, as the server sends them."""

    def show(self, event: LiveEvent) -> None:
        """Print the event."""
        print(json.dumps(write_event(event), ensure_ascii=False), flush=True)


class Screen:
    """The utterance that is being said, redrawn; what may still change is dim."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def show(self, event: LiveEvent) -> None:
        """Draw a partial text, or leave a final one on the screen for good."""
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
    """The view that fits what stdout is."""
    if as_json:
        return Messages()
    return Screen(Console()) if sys.stdout.isatty() else Lines()


def final_text(event: LiveEvent) -> str | None:
    """The text of a final event, readable where that was asked for; None of any other event."""
    if not isinstance(event, Final):
        return None
    return event.text if event.formatted_text is None else event.formatted_text
