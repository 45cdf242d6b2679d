"""`nordlyd bench`: runs the benchmarks of a checkout."""

import importlib

import typer

from app.errors import ConfigurationError


def bench(context: typer.Context) -> None:
    """Measure: `nordlyd bench` lists what, `nordlyd bench NAME --help` explains how."""
    try:
        from bench import BENCHMARKS  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "bench":
            raise
        raise ConfigurationError(
            "the benchmarks are not installed; run them from a checkout of the sources: make bench"
        ) from None

    name, *arguments = context.args or ["--help"]
    if name in {"--help", "-h"}:
        print("Benchmarks:", ", ".join(BENCHMARKS))
        return
    if name not in BENCHMARKS:
        raise ConfigurationError(
            f"there is no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}"
        )
    raise typer.Exit(importlib.import_module(f"bench.{name}").main(arguments) or 0)
