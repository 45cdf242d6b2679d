"""The options of the commands: those of the contract, generated from its models, and our own."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_args

import typer
from pydantic import BaseModel, ValidationError

from nordlyd_client.cli.service import find_service
from nordlyd_client.contract.command_line import command_line
from nordlyd_client.contract.formats import BinaryFileFormat, ResponseFormat
from nordlyd_client.contract.languages import AUTO, AUTO_EACH
from nordlyd_client.contract.layout import (
    LAYOUT_OPTIONS,
    Layout,
    LayoutOptions,
    option_without_effect,
)
from nordlyd_client.contract.options import DecoderName, TranscribeOptions
from nordlyd_client.contract.options import Encoding as EncodingName
from nordlyd_client.errors import InvalidRequestError

FORMATS: tuple[str, ...] = get_args(ResponseFormat)
BINARY: tuple[str, ...] = get_args(BinaryFileFormat)
"""Those of them that are no text."""
ALL = "all"
LANGUAGES = ("nb", "nn", "no", "da")
DETECTED = (AUTO, AUTO_EACH)
_SERVER = "Server"
_RAW = "Raw samples"
# These describe the input to this process; all others are checked by the service.
_NUMBERS = frozenset({"rate", "channels"})


def _complete(names: Sequence[str]) -> Callable[[str], list[str]]:
    """Returns a function that completes the beginning of one of these names."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


def _complete_model(incomplete: str) -> list[str]:
    service = find_service()
    ids = [] if service is None else service.model_ids()
    return [name for name in ids if name.startswith(incomplete)]


def _complete_formats(incomplete: str) -> list[str]:
    """Completes one name of a format, or the last one of a list with commas."""
    before, comma, last = incomplete.rpartition(",")
    names = FORMATS if comma else (*FORMATS, ALL)
    return [f"{before}{comma}{name}" for name in names if name.startswith(last)]


_COMPLETION: dict[str, Callable[[str], list[str]]] = {
    "model": _complete_model,
    "language": _complete(LANGUAGES),
    "decoder": _complete(get_args(DecoderName)),
    "encoding": _complete(get_args(EncodingName)),
}

Server: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Let a server do the work, instead of this machine.",
        envvar="NORDLYD_SERVER",
        rich_help_panel=_SERVER,
    ),
]
ApiKey: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="One of the server's keys; better as a variable, where others cannot read it.",
        envvar="NORDLYD_API_KEY",
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
        autocompletion=_complete_formats,
    ),
]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="Write a file a format there."),
]
Encoding: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="s16le, s16be, f32le, mulaw or alaw: the input has no header.",
        autocompletion=_COMPLETION["encoding"],
        rich_help_panel=_RAW,
    ),
]
Rate: TypeAlias = Annotated[
    int | None, typer.Option(metavar="HZ", help="Samples per second.", rich_help_panel=_RAW)
]
Channels: TypeAlias = Annotated[
    int | None, typer.Option(metavar="N", help="Interleaved; 1.", rich_help_panel=_RAW)
]
WordCues: TypeAlias = Annotated[
    bool, typer.Option("--word-cues", help="In vtt: mark when each word is spoken.")
]


def with_options(
    model: type[BaseModel], *, leave_out: Sequence[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Returns a decorator that gives a command the options of a model of the contract.

    They take the place of the command's parameter `options`, which receives those that were given
    as the API reads its fields: text by name. The service checks their values.

    Args:
        model: whose fields are options where the contract defines how the command line shows them.
        leave_out: fields that the command handles itself.
    """
    options = [
        option
        for name in model.model_fields
        if name not in leave_out and (option := _option(model, name)) is not None
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            parameters += options if parameter.name == "options" else [parameter]

        @wraps(command)
        def run(**arguments: object) -> None:
            values = {option.name: arguments.pop(option.name) for option in options}
            command(**arguments, options=_as_fields(values, options))

        # Typer reads these to make its parser.
        del run.__wrapped__
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def read_formats(given: Sequence[str] | None, *, default: str) -> tuple[str, ...]:
    """Reads `--format srt,vtt --format json`.

    Returns:
        The names, each once and in the order of `FORMATS`.

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


def check_printable(formats: Sequence[str]) -> None:
    """Checks that what would be printed is one text.

    Raises:
        InvalidRequestError: there are several formats, or one that is no text.
    """
    if len(formats) > 1:
        raise InvalidRequestError(
            f"several formats ({', '.join(formats)}) need a folder: --output DIR.", param="output"
        )
    if formats[0] in BINARY:
        raise InvalidRequestError(
            f"{formats[0]} is no text to print; it needs a folder: --output DIR.", param="output"
        )


def take_layout(
    options: dict[str, str], formats: Sequence[str], *, word_cues: bool = False
) -> Layout:
    """Removes the options of the layout, which this process renders, from those of the service.

    Args:
        options: as `with_options` passes them.
        formats: that are written.
        word_cues: whether words are marked in WebVTT.

    Raises:
        InvalidRequestError: an option is wrong, or changes none of the formats.
    """
    given = {name: options.pop(name) for name in LAYOUT_OPTIONS if name in options}
    try:
        layout = Layout.of(LayoutOptions.model_validate(given))
    except ValidationError as error:
        issue = error.errors(include_url=False)[0]
        name = str(issue["loc"][0])
        raise InvalidRequestError(
            f"{name} is {given[name]!r}: {issue['msg']}.", param=name
        ) from None
    refused = option_without_effect(
        layout.given() | {"word_cues": word_cues}, formats, named="--format "
    )
    if refused is not None:
        name, message = refused
        raise InvalidRequestError(message, param=name)
    return layout


def _option(model: type[BaseModel], name: str) -> inspect.Parameter | None:
    shown = command_line(model, name)
    if shown is None:
        return None
    annotation = model.model_fields[name].annotation
    flag = annotation is bool
    switch = annotation == bool | None
    detects = name == "language" and shown == command_line(TranscribeOptions, name)
    number = name in _NUMBERS and annotation == int | None
    flags = f"--{name.replace('_', '-')}"
    option: Any = typer.Option(
        f"{flags}/--no-{name.replace('_', '-')}" if switch else flags,
        metavar=shown.metavar,
        help=shown.help,
        autocompletion=_complete((*LANGUAGES, *DETECTED)) if detects else _COMPLETION.get(name),
        rich_help_panel=shown.panel,
    )
    kind = bool if flag else bool | None if switch else int | None if number else str | None
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if flag else None,
        annotation=Annotated[kind, option],
    )


def _as_fields(
    values: Mapping[str, object], options: Sequence[inspect.Parameter]
) -> dict[str, str]:
    """Returns the options that were given, as text."""
    return {
        option.name: str(value).lower() if isinstance(value, bool) else str(value)
        for option in options
        if (value := values[option.name]) is not None and value is not option.default
    }
