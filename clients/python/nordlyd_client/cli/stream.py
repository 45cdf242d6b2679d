"""`nordlyd stream`: transcribes a microphone, a pipe or a file while it is being recorded."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from nordlyd_client.cli import options as shared
from nordlyd_client.contract.stream import StreamOptions
from nordlyd_client.errors import InvalidRequestError

if TYPE_CHECKING:
    from nordlyd_client.cli.sources import Source

_STDIN = "-"
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
    from nordlyd_client.cli.live import follow  # noqa: PLC0415
    from nordlyd_client.cli.service import open_live_backend  # noqa: PLC0415

    if source is None and device is None and not sys.stdin.isatty():
        source = _STDIN
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
) -> "Source":
    from nordlyd_client.cli.sources import open_microphone, open_source  # noqa: PLC0415
    from nordlyd_client.live import Pcm  # noqa: PLC0415

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
