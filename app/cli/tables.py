"""Prints rows: as a table on a terminal, with tabs for programs."""

import sys
from collections.abc import Sequence


def print_table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Prints rows on stdout; only a terminal gets the heads of the columns.

    Args:
        columns: heads; the first column has ids, which are never cut, since they are copied.
        lines: the cells of each row.
    """
    if not sys.stdout.isatty():
        for line in lines:
            print("\t".join(line))
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, and rarely needed
    from rich.table import Table  # noqa: PLC0415

    table = Table(*columns, box=None)
    table.columns[0].min_width = max((len(line[0]) for line in lines), default=0)
    for line in lines:
        table.add_row(*line)
    Console().print(table)
