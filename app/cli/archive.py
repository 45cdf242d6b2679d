"""`nordlyd archive`: transcribes an archive of recordings into Parquet files."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.models import report_pull
from app.contract.layout import Layout
from app.errors import ConfigurationError
from app.extras import install_hint
from app.settings import load_settings
from nordlyd_client.cli import options as shared
from nordlyd_client.contract.options import Language, TranscribeOptions
from nordlyd_client.errors import InvalidRequestError

if TYPE_CHECKING:
    from app.archive import ArchivePlan, ArchiveSummary
    from app.archive.progress import Progress

_ENGINES = ("local", "ray")
_TERMINAL_SECONDS = 0.5
_LOG_SECONDS = 30.0


class _ArchiveOptions(TranscribeOptions):
    """An archive is of one model, so that its language is not detected."""

    language: Language = None


@shared.with_options(_ArchiveOptions, leave_out=("word_cues", "n_best", "known_speakers"))
def archive(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A folder, a glob, a file that lists paths, - for such a list on stdin, or "
            "s3://bucket/prefix.",
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="Folder of the Parquet files.")],
    *,
    format: shared.Formats = None,
    word_cues: shared.WordCues = False,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="local: this process; ray: a Ray cluster.")
    ] = "local",
    options: dict[str, str],
) -> None:
    """Transcribe an archive into Parquet, a row a recording; continues an interrupted run.

    Beside the Parquet files, every recording gets a file for each format that
    is named. A recording that cannot be transcribed is a row with its error;
    the exit status is then 1.
    """
    formats = shared.read_formats(format, default="text") if format else ()
    layout = Layout(**shared.take_layout(options, formats, word_cues=word_cues).given())
    if engine not in _ENGINES:
        raise InvalidRequestError(
            f"the engine is {engine!r}; accepted: {' or '.join(_ENGINES)}.", param="engine"
        )
    try:
        from app.archive import ArchivePlan  # noqa: PLC0415 - imports pyarrow

        plan = ArchivePlan(
            source,
            output,
            formats,
            options,
            word_cues=word_cues,
            layout=Layout(**layout.given()),
            engine="ray" if engine == "ray" else "local",
        )
        summary = _run(plan)
    except ModuleNotFoundError as error:
        hint = install_hint(error, preferred="ray" if error.name == "ray" else "archive")
        if hint is None:
            raise
        raise ConfigurationError(hint) from None
    raise typer.Exit(1 if summary.failed else 0)


def _run(plan: "ArchivePlan") -> "ArchiveSummary":
    from app.archive import run_archive  # noqa: PLC0415
    from app.logging import configure_quiet_logging  # noqa: PLC0415

    settings = load_settings(os.environ)
    configure_quiet_logging(settings)
    display = _Display()
    try:
        summary = run_archive(settings, plan, on_progress=display.show, on_pull=report_pull)
    except KeyboardInterrupt:
        display.end()
        print("nordlyd: interrupted; the same command continues", file=sys.stderr)
        raise
    finally:
        display.end()
    parts = [f"{summary.recordings} recordings", f"{summary.transcribed} transcribed now"]
    if summary.failed:
        parts.append(f"{summary.failed} with errors")
    print(f"nordlyd: {', '.join(parts)} ({plan.output})", file=sys.stderr)
    return summary


class _Display:
    """Shows the progress on stderr: on a terminal in one line, otherwise a line now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._interval = _TERMINAL_SECONDS if self._terminal else _LOG_SECONDS
        self._shown = time.monotonic()
        self._width = 0

    def show(self, progress: "Progress") -> None:
        """Shows it, where the last time was long enough ago."""
        now = time.monotonic()
        if now - self._shown < self._interval:
            return
        self._shown = now
        line = f"nordlyd: {progress.describe()}"
        if self._terminal:
            print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._width = len(line)
        else:
            print(line, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Ends the line."""
        if self._width:
            print(file=sys.stderr)
            self._width = 0
