"""`nordlyd serve`: runs the service, and prints its address and a line to try once it is ready."""

import logging
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.allocator import limit_arenas
from app.cli.models import report_pull
from app.errors import ConfigurationError
from app.extras import install_hint
from app.settings import Settings, load_settings, unknown_variables

if TYPE_CHECKING:
    from app.catalogue import ModelCard
    from app.main import Build

_AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a"})


def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind [NORDLYD_HOST].")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to bind; 0 picks a free one [NORDLYD_PORT].")
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(help="Ids, folders or hub ids, comma-separated [NORDLYD_MODELS]."),
    ] = None,
    ray: Annotated[
        bool,
        typer.Option(
            "--ray", help="Run the models in replicas under Ray Serve, here or at RAY_ADDRESS."
        ),
    ] = False,
    devices: Annotated[
        str | None,
        typer.Option(
            help="Run a replica of each model on each of these devices, as cuda:0,cuda:1, by Ray."
        ),
    ] = None,
) -> None:
    """Serve the models over HTTP until a signal ends it.

    The settings are NORDLYD_* variables.
    """
    limit_arenas()
    settings = load_settings(os.environ, host=host, port=port, models=models)

    import structlog  # noqa: PLC0415

    from app.logging import configure_logging  # noqa: PLC0415
    from app.server import serve as run  # noqa: PLC0415

    configure_logging(log_format=settings.log_format, level=settings.log_level)
    for name in unknown_variables(os.environ):
        structlog.get_logger("nordlyd").warning("this variable is no setting", name=name)

    def report_ready(address: str, needs_key: bool) -> None:
        print(greet(settings, address, needs_key=needs_key), flush=True)

    if ray or devices is not None:
        with replicas(devices) as build:
            status = run(settings, on_ready=report_ready, report=report_pull, build=build)
    else:
        status = run(settings, on_ready=report_ready, report=report_pull)
    # Neither a thread that still reads a file or weights, nor the second that torch takes to be
    # torn down, may delay the exit.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)


@contextmanager
def replicas(devices: str | None) -> "Iterator[Build]":
    """Has Ray run while the block runs; yields what builds a service with replicas.

    Raises:
        ConfigurationError: Ray is not installed, or the devices are wrong.
    """
    try:
        from app.cluster.build import build_remote  # noqa: PLC0415
        from app.cluster.devices import parse_devices  # noqa: PLC0415
        from app.cluster.local import ray_session  # noqa: PLC0415
    except ModuleNotFoundError as error:
        hint = install_hint(error, preferred="ray")
        if hint is None:
            raise
        raise ConfigurationError(hint) from error
    names = () if devices is None else parse_devices(devices)
    with ray_session(own=devices is not None):
        yield build_remote(names, check_files=True)


def greet(settings: Settings, address: str, *, needs_key: bool = False) -> str:
    """Returns the address, and a command to try where a loaded model comes with a sample."""
    from app.catalogue import Catalogue  # noqa: PLC0415

    catalogue = Catalogue.load(settings.catalogue, settings.target_langs)
    cards = [catalogue.resolve(reference).card for reference in settings.models]
    lines = [f"Nordlyd is ready at {address} with {', '.join(card.id for card in cards)}."]
    for card in cards:
        sample = find_sample(settings.catalogue / card.id)
        if sample is not None:
            lines += [
                f"Open {address}/ in a browser, or try:",
                f"  {curl_line(address, card, sample, needs_key=needs_key)}",
            ]
            break
    return "\n".join(lines)


def find_sample(folder: Path) -> Path | None:
    """Returns the first recording of a model's `samples/`, by name; None if there is none."""
    return next(
        (
            path
            for path in sorted((folder / "samples").glob("*"))
            if path.suffix.lower() in _AUDIO_SUFFIXES
        ),
        None,
    )


def curl_line(address: str, card: "ModelCard", sample: Path, *, needs_key: bool) -> str:
    """Returns a command that sends a recording to a model, with a relative path where possible."""
    current = Path.cwd()
    path = sample.relative_to(current) if sample.is_relative_to(current) else sample
    words = ["curl", "-F", f"file=@{path}"]
    words += ["-F", f"language={card.languages[0]}" if card.languages else f"model={card.id}"]
    if needs_key:
        words += ["-H", "Authorization: Bearer YOUR_KEY"]
    return shlex.join([*words, f"{address}/transcribe"])
