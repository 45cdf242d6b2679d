"""What the service adds to the command line: the entry point `nordlyd.cli` of the distribution.

Implements `nordlyd_client.cli.service.Service`. Heavy modules are imported when they are used.
"""

import io
import os
from collections.abc import Generator, Mapping
from contextlib import AbstractAsyncContextManager, closing
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from app.bundled import catalogue_folder
from app.errors import AudioError, ConfigurationError, NordlydError
from nordlyd_client.live import Pcm

if TYPE_CHECKING:
    from nordlyd_client.cli.backends import Backend, LiveBackend

REPORTED_ERRORS = NordlydError
LIVE_PCM = Pcm("f32le", 16_000, 1)
_BENCHMARKS = "nordlyd.benchmarks"
_ADAPTATION = "nordlyd.adaptation"
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def add_commands(app: typer.Typer, jobs: typer.Typer, speakers: typer.Typer) -> None:
    """Adds the commands of the service, `audit` to `jobs` and `pull` to `speakers`."""
    from app.cli import corrections, keys, models  # noqa: PLC0415
    from app.cli.archive import archive  # noqa: PLC0415
    from app.cli.audit import audit  # noqa: PLC0415
    from app.cli.serve import serve  # noqa: PLC0415
    from app.cli.silence import silence  # noqa: PLC0415
    from app.cli.speakers import pull  # noqa: PLC0415

    app.command()(serve)
    app.command()(archive)
    app.command()(silence)
    app.add_typer(models.app, name="models")
    app.add_typer(keys.app, name="keys")
    app.add_typer(corrections.app, name="corrections")
    speakers.command()(pull)
    jobs.command()(audit)
    for command in (adapt, bench):
        app.command(context_settings=_PASSED_ON, add_help_option=False)(command)


def adapt(context: typer.Context) -> None:
    """Make a language model of your own texts and names; `nordlyd adapt --help` has the options."""
    [run] = [entry.load() for entry in entry_points(group=_ADAPTATION)]
    raise typer.Exit(run(context.args))


def bench(context: typer.Context) -> None:
    """Run a benchmark; `nordlyd bench` lists them, `nordlyd bench NAME --help` its options."""
    try:
        [run] = [entry.load() for entry in entry_points(group=_BENCHMARKS)]
    except ModuleNotFoundError as error:
        if error.name not in ("bench", "bench.command"):
            raise
        raise ConfigurationError(
            "the benchmarks are not installed; run them from a checkout of the sources: make bench"
        ) from None
    raise typer.Exit(run(context.args))


def open_backend(options: Mapping[str, str]) -> "AbstractAsyncContextManager[Backend]":
    """Opens a backend with one model in memory; see `open_local_backend`."""
    from app.cli.local import open_local_backend  # noqa: PLC0415
    from app.logging import configure_quiet_logging  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415

    settings = load_settings(os.environ)
    configure_quiet_logging(settings)
    return open_local_backend(settings, options)


def open_live_backend(options: Mapping[str, str]) -> "AbstractAsyncContextManager[LiveBackend]":
    """Opens a live backend with one model in memory; see `open_local_live_backend`."""
    from app.cli.local import open_local_live_backend  # noqa: PLC0415
    from app.logging import configure_quiet_logging  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415

    settings = load_settings(os.environ)
    configure_quiet_logging(settings)
    return open_local_live_backend(settings, options)


def decode_live(file: io.FileIO) -> Generator[bytes, None, None]:
    """Decodes a container while more of it is being written; yields float32 at 16 kHz."""
    from app.audio.workers import shared_pool  # noqa: PLC0415

    with closing(shared_pool().decode_live(file.fileno())) as pieces:
        yield from pieces


def is_recording(path: Path) -> bool:
    """Returns whether the content of a file is in an audio or video format."""
    from app.audio.containers.sniff import sniff  # noqa: PLC0415

    try:
        with path.open("rb") as file:
            sniff(file)
    except (OSError, AudioError):
        return False
    return True


def model_ids() -> list[str]:
    """Returns the ids of the catalogue, in order."""
    folder = Path(os.environ.get("NORDLYD_CATALOGUE") or catalogue_folder())
    return sorted(card.parent.name for card in folder.glob("*/model.toml"))


def install_hint(error: ModuleNotFoundError) -> str | None:
    """Returns the line with the command to install the package that an import did not find."""
    from app import extras  # noqa: PLC0415

    return extras.install_hint(error, preferred="bench")
