"""The options that several commands share, each with its help and what the shell may suggest."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from app.cli.completion import (
    ALL,
    FORMATS,
    complete_decoder,
    complete_encoding,
    complete_formats,
    complete_language,
    complete_model,
)
from app.errors import InvalidRequestError

_SPEECH = "Speech"
_DECODING = "Decoding"
_READABLE = "Readable text"
_SERVER = "Server"
_RAW = "Raw samples"


def _option(
    panel: str,
    help: str,
    *,
    name: str | None = None,
    metavar: str | None = None,
    variable: str | None = None,
    complete: Callable[[str], list[str]] | None = None,
) -> Any:  # noqa: ANN401 - as typer.Option, which stands for a value of any type
    return typer.Option(
        *([name] if name else []),
        metavar=metavar,
        help=help,
        envvar=variable,
        autocompletion=complete,
        rich_help_panel=panel,
    )


_Text: TypeAlias = str | None
_Number: TypeAlias = int | None

Language: TypeAlias = Annotated[
    _Text,
    _option(
        _SPEECH,
        "nn, nb, no, da, or a name of these; chooses the model.",
        complete=complete_language,
    ),
]
Model: TypeAlias = Annotated[
    _Text, _option(_SPEECH, "Id, folder or hub id of a model.", complete=complete_model)
]

Decoder: TypeAlias = Annotated[
    _Text,
    _option(
        _DECODING,
        "auto (the default), greedy, beam or greedy+lm.",
        metavar="NAME",
        complete=complete_decoder,
    ),
]
BeamWidth: TypeAlias = Annotated[
    _Text, _option(_DECODING, "Readings kept after each frame; 100.", metavar="N")
]
Alpha: TypeAlias = Annotated[
    _Text, _option(_DECODING, "Weight of the language model; its own by default.", metavar="X")
]
Beta: TypeAlias = Annotated[
    _Text, _option(_DECODING, "Bonus for each word; the model's by default.", metavar="X")
]
PruneLogp: TypeAlias = Annotated[
    _Text, _option(_DECODING, "Readings this far below the best are dropped; -10.", metavar="X")
]
MinTokenLogp: TypeAlias = Annotated[
    _Text, _option(_DECODING, "Tokens below this are not tried; -5.", metavar="X")
]
Hotwords: TypeAlias = Annotated[
    _Text,
    _option(_DECODING, "Expected words, as in 'Stortinget, Ås:12, votering:6.5'.", metavar="WORDS"),
]
NBest: TypeAlias = Annotated[
    _Text, _option(_DECODING, "Readings that --format json lists.", metavar="N")
]
LanguageModel: TypeAlias = Annotated[
    _Text,
    _option(_DECODING, "One of the language models beside the model.", name="--lm", metavar="NAME"),
]

FormatText: TypeAlias = Annotated[
    bool,
    _option(_READABLE, "Write sentences with digits; json has both.", name="--format-text"),
]
RemoveHesitations: TypeAlias = Annotated[
    bool,
    _option(_READABLE, "With --format-text: no eee, mmm, øh.", name="--remove-hesitations"),
]
MaskProfanities: TypeAlias = Annotated[
    bool,
    _option(_READABLE, "With --format-text: f*** for listed words.", name="--mask-profanities"),
]

Encoding: TypeAlias = Annotated[
    _Text,
    _option(
        _RAW,
        "s16le, s16be, f32le, mulaw or alaw: the input has no header.",
        complete=complete_encoding,
    ),
]
Rate: TypeAlias = Annotated[_Number, _option(_RAW, "Samples per second.", metavar="HZ")]
Channels: TypeAlias = Annotated[_Number, _option(_RAW, "Interleaved; 1.", metavar="N")]

Track: TypeAlias = Annotated[
    _Text,
    _option(_SPEECH, "Audio track to read: its index, or a language tag.", metavar="TRACK"),
]
Strict: TypeAlias = Annotated[
    bool,
    _option(_SPEECH, "Refuse what would be read with a warning.", name="--strict"),
]

Server: TypeAlias = Annotated[
    _Text,
    _option(
        _SERVER,
        "Let a server do the work, instead of this machine.",
        metavar="URL",
        variable="NORDLYD_SERVER",
    ),
]
ApiKey: TypeAlias = Annotated[
    _Text,
    _option(
        _SERVER,
        "One of the server's keys; better as a variable, where others cannot read it.",
        metavar="KEY",
        variable="NORDLYD_API_KEY",
    ),
]

Formats: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAMES",
        help=f"{', '.join(FORMATS)}, or {ALL}; several with commas or again.",
        autocompletion=complete_formats,
    ),
]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="Write a file a format there."),
]
WordCues: TypeAlias = Annotated[
    bool, typer.Option("--word-cues", help="In vtt: mark when each word is said.")
]


def read_formats(given: Sequence[str] | None, *, default: str) -> tuple[str, ...]:
    """Read `--format srt,vtt --format json`, each once and in the order of the list of formats.

    Raises:
        InvalidRequestError: there is no such format.
    """
    names = [part.strip() for text in given or () for part in text.split(",") if part.strip()]
    if ALL in names:
        return FORMATS
    for name in names:
        if name not in FORMATS:
            raise InvalidRequestError(
                f"the format is {name!r}; accepted: {', '.join(FORMATS)} or {ALL}.",
                param="format",
            )
    return tuple(name for name in FORMATS if name in names) or (default,)


def given_fields(**options: object) -> dict[str, str]:
    """The options that were given, as the API reads its fields."""
    return {
        name: "true" if value is True else str(value)
        for name, value in options.items()
        if value is not None and value is not False
    }
