"""`nordlyd stream`: transcribes a microphone, a pipe or a file while it is being recorded."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from types import TracebackType
from typing import Annotated, Any, Protocol, Self

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from nordlyd_client.cli import options as shared
from nordlyd_client.cli.backends import LiveBackend
from nordlyd_client.cli.inputs import STDIN, Source, open_microphone, open_source
from nordlyd_client.cli.service import open_live_backend
from nordlyd_client.contract.stream import Final, Partial, StreamOptions
from nordlyd_client.errors import InvalidRequestError
from nordlyd_client.events import LiveEvent
from nordlyd_client.live import Pcm
from nordlyd_client.stepping import step_beside

_INTERRUPTED = 130
_DEFAULT_ENCODING = "s16le"


@shared.with_options(StreamOptions)
def stream(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="File, or - for stdin; by default what is piped in, else the microphone.",
        ),
    ] = None,
    *,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="Microphone, by name or number.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object an event, as WS /stream sends them.")
    ] = False,
    options: dict[str, str],
    encoding: shared.Encoding = None,
    rate: shared.Rate = None,
    channels: shared.Channels = None,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Transcribe speech while it is spoken.

    On a terminal the text is redrawn as it changes; otherwise every
    utterance is a line once it is final. Ctrl-C ends the audio: the words
    until then are still transcribed.
    """
    if source is None and device is None and not sys.stdin.isatty():
        source = STDIN
    if source is not None and device is not None:
        raise InvalidRequestError("--device chooses a microphone; SOURCE is none.", param="device")
    audio = _open(source, device, encoding, rate, channels)
    backend = open_live_backend(options, server=server, key=api_key)
    interrupted = follow(backend, audio, as_json=as_json)
    # An interrupt is the regular end of a microphone.
    raise typer.Exit(_INTERRUPTED if interrupted and source is not None else 0)


def _open(
    source: str | None,
    device: str | None,
    encoding: str | None,
    rate: int | None,
    channels: int | None,
) -> Source:
    raw = (encoding, rate, channels) != (None, None, None)
    if source is None:
        if raw:
            raise InvalidRequestError(
                "--encoding, --rate and --channels describe what is piped in; a microphone needs "
                "none of them.",
                param="encoding",
            )
        return open_microphone(device)
    if not raw:
        return open_source(source, None)
    if rate is None:
        raise InvalidRequestError("raw samples need their rate, as in --rate 16000.", param="rate")
    return open_source(source, Pcm(encoding or _DEFAULT_ENCODING, rate, channels or 1))


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
    """Returns the text of a final event, the formatted one if there is one; None of others.

    It begins with the speaker, where speakers are told apart.
    """
    if not isinstance(event, Final):
        return None
    text = event.text if event.formatted_text is None else event.formatted_text
    return text if event.speaker is None else f"{event.speaker}: {text}"


def follow(
    opened: AbstractAsyncContextManager[LiveBackend], source: Source, *, as_json: bool
) -> bool:
    """Shows the events of a stream until its audio ends or is interrupted.

    The first interrupt ends the audio, and the words until then are still shown; the second one
    ends the process.

    Args:
        opened: the backend, closed at the end.
        source: the audio.
        as_json: print the events as JSON.

    Returns:
        Whether it was interrupted.

    Raises:
        ClientError: the audio cannot be transcribed.
    """
    with open_view(as_json=as_json) as view:
        return asyncio.run(_follow(opened, source, view))


async def _follow(
    opened: AbstractAsyncContextManager[LiveBackend], source: Source, view: View
) -> bool:
    async with opened as backend:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop() -> None:
            stopped.set()
            loop.remove_signal_handler(signal.SIGINT)

        loop.add_signal_handler(signal.SIGINT, stop)
        pieces = _until(stopped, source)
        async with aclosing(backend.listen(pieces, source.pcm)) as events:
            async for event in events:
                view.show(event)
        return stopped.is_set()


async def _until(stopped: asyncio.Event, source: Source) -> AsyncGenerator[bytes, None]:
    """Yields the pieces of a source until it ends or is stopped."""
    pieces = step_beside(source.pieces)
    stop = asyncio.ensure_future(stopped.wait())
    step: asyncio.Future[bytes] | None = None
    try:
        while not stop.done():
            step = asyncio.ensure_future(anext(pieces))
            await asyncio.wait({step, stop}, return_when=asyncio.FIRST_COMPLETED)
            if step.done():
                try:
                    piece = step.result()
                except StopAsyncIteration:
                    return
                yield piece
    finally:
        waiting: list[asyncio.Future[Any]] = [stop] if step is None else [stop, step]
        for future in waiting:
            future.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await pieces.aclose()
