"""How every benchmark measures and prints."""

import json
import sys
import time
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.table import Table


def interleaved(
    candidates: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each candidate in each round, one after the other within a round.

    What else the machine does thus falls on all candidates alike.
    """
    for _ in range(warm_up):
        for run in candidates.values():
            run()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            start = clock()
            run()
            seconds[name].append(clock() - start)
    return seconds


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """A table for people, on standard output."""
    view = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        first = index == 0
        view.add_column(column, justify="left" if first else "right", no_wrap=first)
    for row in rows:
        view.add_row(*row)
    Console(file=sys.stdout).print(view)


def finish(result: Mapping[str, object]) -> None:
    """The result for machines: one line of JSON, the last of standard output."""
    print(json.dumps(result), flush=True)
