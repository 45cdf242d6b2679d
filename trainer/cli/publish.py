"""`publish`: uploads a model folder to a hub."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli.command import app, console


@app.command()
def publish(  # noqa: PLR0917 - options of a command line, named by the user
    model: Annotated[Path, typer.Argument(help="Model folder with its card.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Made if need be.")],
    public: Annotated[
        bool,
        typer.Option("--public", help="Where it is made, let everyone read it; else private."),
    ] = False,
    revision: Annotated[
        str | None, typer.Option(help="Branch to commit to; `main` without it.")
    ] = None,
    message: Annotated[str | None, typer.Option(help="Message of the commit.")] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Files to leave out, such as 'samples/*'."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be uploaded, and end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Upload a model folder to the Hugging Face hub, or the one of HF_ENDPOINT."""
    from trainer import publish as publishing  # noqa: PLC0415

    left_out = exclude or ()
    if dry_run:
        files = publishing.published_files(model, left_out)
        print(json.dumps({"files": files}) if as_json else _listed(files))
        return
    done = publishing.publish(
        model,
        repository,
        public=public,
        revision=revision,
        message=message,
        exclude=left_out,
        report=lambda files: console.print(_listed(files), markup=False, soft_wrap=True),
    )
    if as_json:
        print(json.dumps(asdict(done), ensure_ascii=False))
    else:
        kind = "a new repository" if done.created else "commit"
        console.print(f"{done.url}: {kind} {done.commit}", markup=False, soft_wrap=True)


def _listed(files: dict[str, int]) -> str:
    """Returns a line for each file, and their sum."""
    total = sum(files.values()) / 1e6
    lines = [f"{size / 1e6:10.2f} MB  {name}" for name, size in files.items()]
    return "\n".join([*lines, f"{total:10.2f} MB  in {len(files)} files"])
