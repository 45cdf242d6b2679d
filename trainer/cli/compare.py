"""`compare`: measures models and running servers on the same recordings."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.command import app, console, report_pull
from trainer.errors import ComparisonError, DataError


@app.command()
def compare(  # noqa: PLR0917 - options of a command line, named by the user
    systems: Annotated[
        list[str],
        typer.Argument(
            metavar="SYSTEM...",
            help="Folders, catalogue ids, hub ids, or addresses of servers: ours, or any that "
            "speaks OpenAI's API, which ends in /v1. Options follow as in an address: "
            "'demo-nb?decoder=greedy', 'http://host/v1?model=NAME'. The first is the baseline.",
        ),
    ],
    manifest: Annotated[
        Path | None, typer.Option(help='JSON lines of {"audio", "text"}, as for `evaluate`.')
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data folder made by `synthesise` or `prepare`.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the data folder.")] = "test",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of a report.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Number of utterances, spread over the set.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS=VARIABLE",
            help="The environment variable with the key of a server. Ours have "
            "NORDLYD_API_KEY without it.",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where models encode: auto, cuda, mps or cpu.")
    ] = "auto",
    dtype: Annotated[
        str, typer.Option(help="Of models: float32, bfloat16, float16 or auto.")
    ] = "float32",
) -> None:
    """Compare models and servers: error rates with paired intervals, words, speed."""
    from trainer import comparison, evaluation  # noqa: PLC0415 - torch only where it is needed

    if (manifest is None) == (data is None):
        raise DataError("give either --manifest or --data to compare on")
    options = comparison.Options(device, dtype, _keys(key or ()), report_pull)
    opened = comparison.open_systems(systems, options)
    test_set = (
        evaluation.read_manifest(manifest)
        if manifest is not None
        else evaluation.read_data(data or Path(), split)
    ).limit(limit)
    summary = comparison.summarise(
        comparison.compare(opened, test_set, notify=lambda line: console.print(line, markup=False))
    )
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        print(comparison.report(summary), end="")


def _keys(given: Sequence[str]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for item in given:
        address, equals, variable = item.rpartition("=")
        if not (address and equals and variable):
            raise ComparisonError(f"--key {item}: accepted are ADDRESS=VARIABLE")
        keys[address.rstrip("/")] = variable
    return keys
