"""`nordlyd silence`: a copy of a recording in which what was masked is silent."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from app.contract.redaction import Redaction
from app.errors import InvalidRequestError


def silence(
    recording: Annotated[Path, typer.Argument(help="Audio or video file.")],
    transcript: Annotated[
        Path, typer.Argument(help="Its transcript as json, of a request with redact.")
    ],
    output: Annotated[Path, typer.Argument(help="The copy, which ends in .flac or .wav.")],
    *,
    track: Annotated[
        str | None, typer.Option(help="The audio track that was transcribed.", metavar="TRACK")
    ] = None,
) -> None:
    """Write a copy of a recording in which what was masked is silent.

    The copy is 16 kHz mono, as it was transcribed. It is silent where the
    transcript has a label, and a tenth of a second around it.
    """
    from app.audio import AudioLimits, DecodeOptions  # noqa: PLC0415
    from app.audio.workers import shared_pool  # noqa: PLC0415
    from app.redaction.silencing import write_silenced  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415

    redactions = _read_redactions(transcript)
    limits = AudioLimits(load_settings(os.environ).max_audio_seconds)
    decoded = shared_pool().decode(recording, options=DecodeOptions(track=track), limits=limits)
    write_silenced(decoded, redactions, output)
    print(f"nordlyd: {len(redactions)} passages are silent in {output}", file=sys.stderr)


def _read_redactions(path: Path) -> tuple[Redaction, ...]:
    try:
        content = from_json(path.read_bytes())
        return TypeAdapter(tuple[Redaction, ...]).validate_python(content["redactions"])
    except OSError as error:
        raise InvalidRequestError(
            f"{path} cannot be read: {error.strerror}.", param="transcript"
        ) from None
    except (ValueError, ValidationError, KeyError, TypeError):
        raise InvalidRequestError(
            f"{path} has no `redactions`; accepted: the json of a request with redact.",
            param="transcript",
        ) from None
