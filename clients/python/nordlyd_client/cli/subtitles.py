"""`nordlyd subtitles check`: which rules the subtitles of files break."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from nordlyd_client.errors import InvalidRequestError

_UNITS = {
    "lines": "lines",
    "line-length": "characters",
    "reading-speed": "characters a second",
}

subtitles_app = typer.Typer(help="Check subtitles.", no_args_is_help=True)


@subtitles_app.callback()
def _group() -> None:
    pass


@subtitles_app.command()
def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="SubRip or WebVTT, of any origin.")
    ],
    *,
    rules: Annotated[
        str | None, typer.Option(metavar="NAME", help="netflix (the default), nrk or dr.")
    ] = None,
    reading_speed: Annotated[
        float | None,
        typer.Option(min=1, max=100, metavar="X", help="Most characters a second; the rules'."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON for each rule that is broken.")
    ] = False,
) -> None:
    """List the rules for subtitles that files break.

    The exit status is 1 where there is one.
    """
    from nordlyd_client.formats import check_subtitles, read_subtitles, rules_of  # noqa: PLC0415

    try:
        chosen = rules_of(rules, reading_speed)
    except ValueError as error:
        raise InvalidRequestError(str(error), param="rules") from None
    broken = False
    for path in files:
        try:
            cues = read_subtitles(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise InvalidRequestError(f"{path}: {reason}.", param="files") from None
        for violation in check_subtitles(cues, chosen):
            broken = True
            if as_json:
                print(json.dumps({"file": str(path), **asdict(violation)}, ensure_ascii=False))
                continue
            unit = _UNITS.get(violation.rule, "ms")
            print(
                f"{path}: cue {violation.cue} at {_clock(violation.start)}: {violation.rule}: "
                f"{violation.value:g} {unit}, limit {violation.limit:g}"
            )
    raise typer.Exit(1 if broken else 0)


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
