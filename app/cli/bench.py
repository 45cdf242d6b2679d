"""`nordlyd bench`: runs the benchmarks that the distribution names as an entry point."""

from importlib.metadata import entry_points

import typer

from app.errors import ConfigurationError

_GROUP = "nordlyd.benchmarks"


def bench(context: typer.Context) -> None:
    """Run a benchmark; `nordlyd bench` lists them, `nordlyd bench NAME --help` its options."""
    try:
        [run] = [entry.load() for entry in entry_points(group=_GROUP)]
    except ModuleNotFoundError as error:
        if error.name not in ("bench", "bench.command"):
            raise
        raise ConfigurationError(
            "the benchmarks are not installed; run them from a checkout of the sources: make bench"
        ) from None
    raise typer.Exit(run(context.args))
