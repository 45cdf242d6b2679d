"""`nordlyd models list | show | pull | int8`: the catalogue, for people or programs."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.tables import print_table
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.catalogue import Catalogue, PullPlan

app = typer.Typer(help="The models: what there is, what is here, and how to get the rest.")


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List every model of the catalogue, and whether its files are on this machine."""
    from app.catalogue import list_rows  # noqa: PLC0415

    settings, catalogue = _catalogue()
    rows = list_rows(catalogue, settings.store)
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "id": row.id,
                        "languages": row.languages,
                        "state": row.state,
                        "hub": row.hub,
                        "licence": row.licence,
                        "folder": str(row.folder) if row.folder else None,
                    }
                    for row in rows
                ],
                ensure_ascii=False,
            )
        )
        return
    columns = ("id", "languages", "state", "licence", "published figure")
    lines = [
        (row.id, " ".join(row.languages), row.state, row.licence or "", row.figure or "")
        for row in rows
    ]
    print_table(columns, lines)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="Id, folder or hub id.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show everything that is known about a model."""
    from app.catalogue import describe  # noqa: PLC0415

    _, catalogue = _catalogue()
    facts = describe(catalogue.resolve(model).card)
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return
    for name, value in facts.items():
        if not isinstance(value, list) or not value:
            print(f"{name}: {_plain(value)}")
            continue
        print(f"{name}:")
        for item in value:
            print(f"  - {_plain(item)}")


@app.command()
def pull(
    references: Annotated[
        list[str], typer.Argument(metavar="MODEL", help="Ids of the catalogue, or hub ids.")
    ],
) -> None:
    """Fetch models from the hub once; prints the folder of each."""
    from app.catalogue import pull as fetch  # noqa: PLC0415

    settings, catalogue = _catalogue()
    for reference in references:
        resolved = catalogue.resolve(reference)
        if resolved.folder is not None:
            print(resolved.folder)
            continue
        print(fetch(resolved.card, settings.store, report=report_pull))


@app.command()
def int8(
    model: Annotated[str, typer.Argument(help="Id, folder or hub id.")],
    manifest: Annotated[
        Path, typer.Option(help='JSON lines of {"audio": path, "text": reference}.')
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure what int8 costs a model in WER and gains in speed; allow it up to 0.2 points."""
    from app.catalogue import locate  # noqa: PLC0415
    from app.quantisation import check_speed, measure, save  # noqa: PLC0415

    settings, catalogue = _catalogue()
    resolved = catalogue.resolve(model)
    folder = locate(resolved, settings.store, allow_pull=True, report=report_pull)
    check_speed(resolved.id, folder, settings.dtype)
    record = measure(resolved.id, folder, manifest, settings.dtype, resolved.card.target_lang)
    if as_json:
        print(json.dumps(asdict(record) | {"cost": round(record.cost, 3)}))
    else:
        print(f"{record.utterances} utterances, {record.words} words")
        for name, wer, speed in (
            (record.baseline_dtype, record.baseline_wer, record.baseline_speed),
            ("int8", record.int8_wer, record.int8_speed),
        ):
            print(f"{name:10} WER {wer:6.2f} %   {speed:g} times real time")
    file = save(record, settings.store)
    if not as_json:
        print(f"allowed ({file}); set NORDLYD_INT8_MODELS={record.model} to use it")


def report_pull(plan: "PullPlan") -> None:
    """Prints on stderr what is about to be fetched, and under which licence."""
    print(
        f"nordlyd: fetching {plan.hub} ({plan.total / 1e9:.2f} GB, licence: "
        f"{plan.licence or 'not stated'}) to {plan.folder}",
        file=sys.stderr,
        flush=True,
    )


def _catalogue() -> "tuple[Settings, Catalogue]":
    from app.catalogue import Catalogue  # noqa: PLC0415

    settings = load_settings(os.environ)
    return settings, Catalogue.load(settings.catalogue, settings.target_langs)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items())
    return str(value)
