"""`nordlyd serve | transcribe | align | models | bench`: arguments in, work of other rooms begun.

What is heavy is imported by the command that needs it, so that `--help` answers at once.
"""

import importlib
import logging
import os
import sys
from contextlib import suppress
from importlib.metadata import version
from typing import Annotated

import typer

from app.cli import models as catalogue
from app.cli.align_command import align
from app.cli.stream_command import stream
from app.cli.transcribe_command import transcribe
from app.errors import ConfigurationError, NordlydError
from app.extras import install_hint
from app.settings import load_settings, unknown_variables

_INTERRUPTED = 130


app = typer.Typer(
    help="Self-hosted speech-to-text for Norwegian and Danish.",
    no_args_is_help=True,
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
        # Not sys.exit: a library whose threads still compute aborts the process when it is torn
        # down, and what an interrupt gives back would be lost.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader has seen enough; what is still buffered must not be flushed into the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and (
            hint := install_hint(error, preferred="bench")
        ):
            _end(hint, 1)
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
    from app.logging import configure_logging  # noqa: PLC0415
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


app.command()(transcribe)
app.command()(stream)
app.command()(align)


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
