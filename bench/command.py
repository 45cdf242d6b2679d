"""The entry point of `nordlyd bench`: runs one benchmark by its name."""

import importlib
from collections.abc import Sequence

from app.errors import ConfigurationError
from bench import BENCHMARKS


def run(arguments: Sequence[str]) -> int:
    """Runs one benchmark, or lists them where none is named; returns the exit status.

    Raises:
        ConfigurationError: there is no such benchmark.
    """
    name, *rest = arguments or ["--help"]
    if name in {"--help", "-h"}:
        print("Benchmarks:", ", ".join(BENCHMARKS))
        return 0
    if name not in BENCHMARKS:
        raise ConfigurationError(
            f"there is no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}"
        )
    return importlib.import_module(f"bench.{name}").main(rest) or 0
