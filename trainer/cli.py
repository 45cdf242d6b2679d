"""`python -m trainer …` and `nordlyd-train …`: text and speech, training, evaluation, export."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from app.errors import NordlydError
from trainer.errors import DataError, TrainerError
from trainer.recipe import load_recipe

app = typer.Typer(
    help="Train, evaluate and export the checkpoints that Nordlyd serves.",
    no_args_is_help=True,
    add_completion=False,
)
console = Console(stderr=True)

RecipeName = Annotated[str, typer.Argument(help="A recipe file, or the id of a bundled one.")]


@app.command()
def synthesise(
    recipe: RecipeName,
    output: Annotated[Path, typer.Option(help="Data folder to write.")],
    packages: Annotated[
        Path | None, typer.Option(help="Where Debian packages are kept; default: in the output.")
    ] = None,
) -> None:
    """Extract the sentences of a recipe from Debian packages and speak them with espeak-ng."""
    from trainer.prepare import prepare  # noqa: PLC0415 - espeak-ng only where it is needed

    counts = prepare(load_recipe(recipe), output, packages=packages, say=console.print)
    print(json.dumps(counts, ensure_ascii=False, indent=2))


@app.command()
def train(  # noqa: PLR0917 - options of a command line, named by the user
    recipe: RecipeName,
    data: Annotated[Path, typer.Option(help="Data folder made by `synthesise`.")],
    output: Annotated[Path, typer.Option(help="Run folder: checkpoint, log, export.")],
    init: Annotated[
        Path | None, typer.Option(help="Checkpoint folder to start from, if the recipe wants one.")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(min=1, help="Stop after this step of the schedule.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with the run in the output folder.")] = False,
) -> None:
    """Train a model; Ctrl-C saves, --resume goes on exactly where it stopped."""
    from trainer import training  # noqa: PLC0415 - torch only where it is needed

    chosen = load_recipe(recipe)
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task("training", total=chosen.training.steps)

        def report(progress: training.Progress) -> None:
            bar.update(
                task,
                completed=progress.step,
                description=f"loss {progress.loss:.3f}, rate {progress.learning_rate:.1e}, "
                f"{progress.seconds_per_second:.0f} s/s",
            )
            line = (
                f"step {progress.step}/{progress.steps}, epoch {progress.epoch:.2f}, "
                f"loss {progress.loss:.3f}, {progress.seconds_per_second:.0f} s of audio a second"
            )
            if progress.validation:
                loss, wer = progress.validation
                console.print(f"{line}; validation loss {loss:.3f}, WER {wer:.3f}")
            elif progress.step % 50 == 0 and not console.is_terminal:
                console.print(line)

        training.fit(
            chosen, data, output, init=init, max_steps=max_steps, resume=resume, report=report
        )


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="Checkpoint folder.")],
    manifest: Annotated[Path | None, typer.Option(help='JSON lines of {"audio", "text"}.')] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data folder made by `synthesise`: its test split.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the greedy word and character error rates of a checkpoint."""
    from trainer import evaluation  # noqa: PLC0415
    from trainer.store import read_split  # noqa: PLC0415

    if (manifest is None) == (data is None):
        raise DataError("say what to evaluate on: either --manifest or --data")
    speech = (
        evaluation.manifest_speech(manifest)
        if manifest is not None
        else evaluation.split_speech(read_split(data or Path(), "test"))
    )
    result = evaluation.evaluate(model, speech)
    if as_json:
        print(json.dumps(result.as_dict()))
    else:
        print(
            f"{result.utterances} utterances, {result.seconds:.0f} s: "
            f"greedy WER {result.greedy_wer:.4f}, CER {result.greedy_cer:.4f}"
        )


@app.command()
def samples(
    data: Annotated[Path, typer.Argument(help="Data folder made by `synthesise`.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    count: Annotated[int, typer.Option(min=1, help="How many files.")] = 3,
) -> None:
    """Write a few utterances of the test split as FLAC files, to try a model with."""
    from trainer.samples import write_samples  # noqa: PLC0415
    from trainer.store import read_split  # noqa: PLC0415

    write_samples(read_split(data, "test"), folder, count=count)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Run folder, or a checkpoint folder.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write.")],
    layout: Annotated[Literal["today", "2022"], typer.Option(help="File layout.")] = "today",
) -> None:
    """Write a checkpoint folder in today's layout or that of 2022."""
    from trainer.export import export_model, load_stock  # noqa: PLC0415

    source = run / "export" if (run / "export").is_dir() else run
    if not (source / "config.json").is_file():
        raise DataError(f"{run} is neither a run folder nor a checkpoint folder")
    export_model(load_stock(source), folder, layout=layout)


def main() -> None:
    """Run the command line; errors that have a message end it with that line and status 1."""
    try:
        app()
    except (TrainerError, NordlydError) as error:
        console.print(str(error), style="red", markup=False)
        raise SystemExit(1) from error
