"""The options that several commands share, each with its help and what the shell may suggest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

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

Language: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="nn, nb, no, da, or a name of these; chooses the model.",
        autocompletion=complete_language,
        rich_help_panel=_SPEECH,
    ),
]
Model: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Id, folder or hub id of a model.",
        autocompletion=complete_model,
        rich_help_panel=_SPEECH,
    ),
]
Decoder: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="auto (the default), greedy, beam or greedy+lm.",
        autocompletion=complete_decoder,
        rich_help_panel=_DECODING,
    ),
]
BeamWidth: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="N", help="Readings kept after each frame; 100.", rich_help_panel=_DECODING
    ),
]
Alpha: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="X",
        help="Weight of the language model; its own by default.",
        rich_help_panel=_DECODING,
    ),
]
Beta: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="X",
        help="Bonus for each word; the model's by default.",
        rich_help_panel=_DECODING,
    ),
]
PruneLogp: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="X",
        help="Readings this far below the best are dropped; -10.",
        rich_help_panel=_DECODING,
    ),
]
MinTokenLogp: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="X", help="Tokens below this are not tried; -5.", rich_help_panel=_DECODING
    ),
]
Hotwords: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help="Expected words, as in 'Stortinget, Ås:12, votering:6.5'.",
        rich_help_panel=_DECODING,
    ),
]
NBest: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="N", help="Readings that --format json lists.", rich_help_panel=_DECODING),
]
LanguageModel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--lm",
        metavar="NAME",
        help="One of the language models beside the model.",
        rich_help_panel=_DECODING,
    ),
]
FormatText: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--format-text",
        help="Write sentences with digits; json has both.",
        rich_help_panel=_READABLE,
    ),
]
RemoveHesitations: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--remove-hesitations",
        help="With --format-text: no eee, mmm, øh.",
        rich_help_panel=_READABLE,
    ),
]
MaskProfanities: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--mask-profanities",
        help="With --format-text: f*** for listed words.",
        rich_help_panel=_READABLE,
    ),
]
Encoding: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="s16le, f32le, mulaw or alaw: the input has no header.",
        autocompletion=complete_encoding,
        rich_help_panel=_RAW,
    ),
]
Rate: TypeAlias = Annotated[
    int | None, typer.Option(metavar="HZ", help="Samples per second.", rich_help_panel=_RAW)
]
Channels: TypeAlias = Annotated[
    int | None, typer.Option(metavar="N", help="Interleaved; 1.", rich_help_panel=_RAW)
]
Server: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="NORDLYD_SERVER",
        help="Let a server do the work, instead of this machine.",
        rich_help_panel=_SERVER,
    ),
]
ApiKey: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        envvar="NORDLYD_API_KEY",
        show_envvar=True,
        help="One of the server's keys; better as a variable, where others cannot read it.",
        rich_help_panel=_SERVER,
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
