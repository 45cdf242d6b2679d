"""`nordlyd stream`: a microphone, a pipe or a file in, its words as they are said out."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import arguments as shared
from app.cli.models import report_pull
from app.cli.quiet import configure_quiet_logging
from app.errors import InvalidRequestError
from app.settings import load_settings

if TYPE_CHECKING:
    from app.cli.sources import Source

_STDIN = "-"
_INTERRUPTED = 130
_DEFAULT_ENCODING = "s16le"


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
    language: shared.Language = None,
    model: shared.Model = None,
    endpoint_silence: Annotated[
        str | None,
        typer.Option(metavar="SECONDS", help="A pause that long ends an utterance; 0.6."),
    ] = None,
    vad_threshold: Annotated[
        str | None,
        typer.Option(metavar="X", help="Probability above which sound is speech; 0.5."),
    ] = None,
    max_utterance: Annotated[
        str | None,
        typer.Option(metavar="SECONDS", help="After so long the next short pause ends it; 20."),
    ] = None,
    decoder: shared.Decoder = None,
    beam_width: shared.BeamWidth = None,
    alpha: shared.Alpha = None,
    beta: shared.Beta = None,
    prune_logp: shared.PruneLogp = None,
    min_token_logp: shared.MinTokenLogp = None,
    hotwords: shared.Hotwords = None,
    n_best: shared.NBest = None,
    lm: shared.LanguageModel = None,
    format_text: shared.FormatText = False,
    remove_hesitations: shared.RemoveHesitations = False,
    mask_profanities: shared.MaskProfanities = False,
    encoding: shared.Encoding = None,
    rate: shared.Rate = None,
    channels: shared.Channels = None,
    server: shared.Server = None,
    api_key: shared.ApiKey = None,
) -> None:
    """Transcribe speech while it is being said.

    On a terminal the text is redrawn as it is heard; otherwise every
    utterance is a line once it is final. Ctrl-C ends the sound: what was
    said until then is still told.
    """
    fields = shared.given_fields(
        endpoint_silence=endpoint_silence,
        vad_threshold=vad_threshold,
        max_utterance=max_utterance,
        decoder=decoder,
        beam_width=beam_width,
        alpha=alpha,
        beta=beta,
        prune_logp=prune_logp,
        min_token_logp=min_token_logp,
        hotwords=hotwords,
        n_best=n_best,
        lm=lm,
        format_text=format_text,
        remove_hesitations=remove_hesitations,
        mask_profanities=mask_profanities,
    )
    settings = load_settings(os.environ)
    configure_quiet_logging(settings)

    from app.cli.stream import follow  # noqa: PLC0415
    from app.cli.transcribing import Wanted  # noqa: PLC0415
    from app.cli.working import open_live_backend  # noqa: PLC0415

    if source is None and device is None and not sys.stdin.isatty():
        source = _STDIN
    if source is not None and device is not None:
        raise InvalidRequestError("--device chooses a microphone; SOURCE is none.", param="device")
    sound = _open(source, device, encoding, rate, channels)
    wanted = Wanted(language, model, fields)
    work = open_live_backend(settings, wanted, server=server, key=api_key, report=report_pull)
    interrupted = follow(work, sound, as_json=as_json)
    # Somebody who speaks into a microphone has no other way to stop.
    raise typer.Exit(_INTERRUPTED if interrupted and source is not None else 0)


def _open(
    source: str | None,
    device: str | None,
    encoding: str | None,
    rate: int | None,
    channels: int | None,
) -> "Source":
    from app.cli.sources import open_microphone, open_source  # noqa: PLC0415
    from app.client import Pcm  # noqa: PLC0415

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
