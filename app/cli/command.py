"""`nordlyd serve | transcribe | align | models | bench`: arguments in, work of other rooms begun.

What is heavy is imported by the command that needs it, so that `--help` answers at once.
"""

import importlib
import logging
import os
import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from app.cli import models as catalogue
from app.errors import ConfigurationError, NordlydError
from app.settings import load_settings, unknown_variables

_INTERRUPTED = 130


class Format(StrEnum):
    """What `nordlyd transcribe` prints."""

    text = "text"
    json = "json"


class AlignFormat(StrEnum):
    """What `nordlyd align` prints."""

    json = "json"
    textgrid = "textgrid"
    eaf = "eaf"
    srt = "srt"
    ctm = "ctm"


app = typer.Typer(
    help="Self-hosted speech-to-text for Norwegian and Danish.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(catalogue.app, name="models")


def main() -> None:
    """Run the command line; whatever goes wrong is one line on stderr."""
    try:
        app()
    except NordlydError as error:
        _end(error.message, 1)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader has seen enough; what is still buffered must not be flushed into the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("NORDLYD_LOG_LEVEL") == "debug":
            raise
        _end(f"{type(error).__name__}: {error} (NORDLYD_LOG_LEVEL=debug shows the trace)", 1)


def _end(message: str, status: int) -> None:
    print(f"nordlyd: {message}", file=sys.stderr)
    sys.exit(status)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"nordlyd {version('nordlyd')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind [NORDLYD_HOST].")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to bind; 0 picks a free one [NORDLYD_PORT].")
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(help="Ids, folders or hub ids, comma-separated [NORDLYD_MODELS]."),
    ] = None,
) -> None:
    """Serve the models over HTTP until a signal ends it.

    The settings are NORDLYD_* variables.
    """
    settings = load_settings(os.environ, host=host, port=port, models=models)

    import structlog  # noqa: PLC0415

    from app.cli.greeting import greet  # noqa: PLC0415
    from app.logs import configure_logging  # noqa: PLC0415
    from app.server import serve as run  # noqa: PLC0415

    configure_logging(log_format=settings.log_format, level=settings.log_level)
    for name in unknown_variables(os.environ):
        structlog.get_logger("nordlyd").warning("this variable is no setting", name=name)
    status = run(
        settings,
        on_ready=lambda address: print(greet(settings, address), flush=True),
        report=catalogue.report_pull,
    )
    # A thread that still reads a file or weights must not hold up the exit, nor must the second
    # that torch takes to be torn down.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)


@app.command()
def transcribe(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Audio or video files.")],
    *,
    language: Annotated[
        str | None, typer.Option(help="nn, nb, no, da, or a name of these; chooses the model.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Id, folder or hub id of a model.")] = None,
    format: Annotated[Format, typer.Option(help="What to print.")] = Format.text,
    decoder: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="auto (the default), greedy, beam or greedy+lm."),
    ] = None,
    beam_width: Annotated[
        str | None, typer.Option(metavar="N", help="Readings kept after each frame; 100.")
    ] = None,
    alpha: Annotated[
        str | None,
        typer.Option(metavar="X", help="Weight of the language model; its own by default."),
    ] = None,
    beta: Annotated[
        str | None, typer.Option(metavar="X", help="Bonus for each word; the model's by default.")
    ] = None,
    prune_logp: Annotated[
        str | None,
        typer.Option(metavar="X", help="Readings this far below the best are dropped; -10."),
    ] = None,
    min_token_logp: Annotated[
        str | None, typer.Option(metavar="X", help="Tokens below this are not tried; -5.")
    ] = None,
    hotwords: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS", help="Expected words, as in 'Stortinget, Ås:12, votering:6.5'."
        ),
    ] = None,
    n_best: Annotated[
        str | None, typer.Option(metavar="N", help="Readings that --format json lists.")
    ] = None,
    lm: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="One of the language models beside the model."),
    ] = None,
    format_text: Annotated[
        bool, typer.Option("--format-text", help="Print sentences with digits; json has both.")
    ] = False,
    remove_hesitations: Annotated[
        bool, typer.Option("--remove-hesitations", help="With --format-text: no eee, mmm, øh.")
    ] = False,
    mask_profanities: Annotated[
        bool, typer.Option("--mask-profanities", help="With --format-text: f*** for listed words.")
    ] = False,
) -> None:
    """Transcribe files on this machine, without a server.

    The text goes to stdout, a line a file. A file that cannot be transcribed is reported and the
    others go on; the exit status is then 1.
    """
    from app.cli.transcribe import transcribe_files  # noqa: PLC0415
    from app.logs import configure_logging  # noqa: PLC0415

    settings = load_settings(os.environ)
    level = "debug" if settings.log_level == "debug" else "error"
    configure_logging(log_format=settings.log_format, level=level)
    given = {
        "decoder": decoder,
        "beam_width": beam_width,
        "alpha": alpha,
        "beta": beta,
        "prune_logp": prune_logp,
        "min_token_logp": min_token_logp,
        "hotwords": hotwords,
        "n_best": n_best,
        "lm": lm,
        "format_text": "true" if format_text else None,
        "remove_hesitations": "true" if remove_hesitations else None,
        "mask_profanities": "true" if mask_profanities else None,
    }
    whole = transcribe_files(
        settings,
        files,
        language=language,
        model=model,
        as_json=format is Format.json,
        options={name: value for name, value in given.items() if value is not None},
        report=catalogue.report_pull,
    )
    raise typer.Exit(0 if whole else 1)


@app.command()
def align(
    audio: Annotated[Path, typer.Argument(help="Audio or video file.")],
    text: Annotated[Path, typer.Argument(help="File with what is said in it; - reads stdin.")],
    language: Annotated[
        str | None, typer.Option(help="nn, nb, no, da, or a name of these; chooses the model.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Id, folder or hub id of a model.")] = None,
    format: Annotated[AlignFormat, typer.Option(help="What to print.")] = AlignFormat.json,
) -> None:
    """Find when each word of a text is said in a recording.

    Words come back as they were written. How many were not found is told on stderr.
    """
    from app.cli.align import align_file  # noqa: PLC0415
    from app.logs import configure_logging  # noqa: PLC0415

    settings = load_settings(os.environ)
    level = "debug" if settings.log_level == "debug" else "error"
    configure_logging(log_format=settings.log_format, level=level)
    align_file(
        settings,
        audio,
        text,
        language=language,
        model=model,
        style=format.value,
        report=catalogue.report_pull,
    )


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def bench(context: typer.Context) -> None:
    """Measure: `nordlyd bench` lists what, `nordlyd bench NAME --help` says how."""
    from bench import BENCHMARKS  # noqa: PLC0415

    name, *arguments = context.args or ["--help"]
    if name in {"--help", "-h"}:
        print("Benchmarks:", ", ".join(BENCHMARKS))
        return
    if name not in BENCHMARKS:
        raise ConfigurationError(
            f"there is no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}"
        )
    raise typer.Exit(importlib.import_module(f"bench.{name}").main(arguments) or 0)
