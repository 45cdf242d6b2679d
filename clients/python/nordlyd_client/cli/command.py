"""The command tree of `nordlyd`, and how it ends: one line on stderr for whatever goes wrong.

Heavy modules are imported by the commands that need them, so that `--help` is fast.
"""

import os
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from nordlyd_client.cli.align import align
from nordlyd_client.cli.jobs import jobs_app
from nordlyd_client.cli.service import find_service, require_service
from nordlyd_client.cli.speakers import speakers_app
from nordlyd_client.cli.stream import stream
from nordlyd_client.cli.subtitles import subtitles_app
from nordlyd_client.cli.transcribe import transcribe
from nordlyd_client.cli.watch import watch
from nordlyd_client.errors import ClientError

_INTERRUPTED = 130
_OF_THE_SERVICE = ("serve", "archive", "silence", "models", "keys", "corrections", "bench")
_JOBS_OF_THE_SERVICE = ("audit",)
_SPEAKERS_OF_THE_SERVICE = ("pull",)


app = typer.Typer(
    help="Self-hosted speech-to-text for Norwegian and Danish.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Runs the command line; ends the process with its exit status."""
    service = find_service()
    reported = (ClientError,) if service is None else (ClientError, service.REPORTED_ERRORS)
    try:
        app()
    except reported as error:
        _end(str(error), 1)
    except KeyboardInterrupt:
        # Not sys.exit: a library whose threads still compute aborts the process while it is torn
        # down, and the exit status of an interrupt would be lost.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader has closed the pipe; what is still buffered must not be flushed into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and service is not None:
            hint = service.install_hint(error)
            if hint:
                _end(hint, 1)
        if os.environ.get("NORDLYD_LOG_LEVEL") == "debug":
            raise
        _end(f"{type(error).__name__}: {error} (NORDLYD_LOG_LEVEL=debug shows the trace)", 1)


def _end(message: str, status: int) -> None:
    print(f"nordlyd: {message}", file=sys.stderr)
    sys.exit(status)


def _version() -> str:
    try:
        return version("nordlyd")
    except PackageNotFoundError:
        return version("nordlyd-client")


def _print_version(requested: bool) -> None:
    if requested:
        print(f"nordlyd {_version()}")
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


def _add_commands() -> None:
    service = find_service()
    if service is not None:
        service.add_commands(app, jobs_app, speakers_app)
    else:
        for group, names in (
            (app, _OF_THE_SERVICE),
            (jobs_app, _JOBS_OF_THE_SERVICE),
            (speakers_app, _SPEAKERS_OF_THE_SERVICE),
        ):
            for name in names:
                group.command(
                    name,
                    hidden=True,
                    add_help_option=False,
                    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
                )(_refuse)
    for command in (transcribe, stream, align, watch):
        app.command()(command)
    app.add_typer(jobs_app, name="jobs")
    app.add_typer(speakers_app, name="speakers")
    app.add_typer(subtitles_app, name="subtitles")


def _refuse(context: typer.Context) -> None:
    require_service(context.command_path)


_add_commands()
