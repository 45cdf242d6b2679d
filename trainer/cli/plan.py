"""`plan`: computes what a recipe's training amounts to, without data or network."""

import json
from typing import Annotated, Literal

import typer

from trainer.cli.command import RecipeName, ShardingOption, app
from trainer.memory import Memory
from trainer.plan import Plan
from trainer.plan import plan as reckon
from trainer.recipe import load_recipe

_GIB = 2**30


@app.command()
def plan(  # noqa: PLR0917 - options of a command line, named by the user
    recipe: RecipeName,
    devices: Annotated[int, typer.Option(min=1, help="Devices that share an update.")] = 1,
    scale_batch: Annotated[
        bool,
        typer.Option(
            "--scale-batch",
            help="Each device takes the recipe's whole batch, so that updates grow with them.",
        ),
    ] = False,
    sharding: ShardingOption = "none",
    device: Annotated[
        Literal["cuda", "cpu"], typer.Option(help="Device that the memory is computed for.")
    ] = "cuda",
    at: Annotated[
        list[int] | None,
        typer.Option(help="Update, from 0, to give the learning rate of; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compute the updates, learning rates, samples, parameters and memory of a recipe."""
    reckoned = reckon(
        load_recipe(recipe),
        devices=devices,
        scale_batch=scale_batch,
        sharding=sharding,
        device=device,
        at=at or (),
    )
    print(json.dumps(reckoned.as_dict()) if as_json else describe(reckoned))


def describe(plan: Plan) -> str:
    """Returns a plan as lines for a person."""
    about = "about " if plan.estimated else ""
    many = f" on {plan.devices} devices, {_each(plan)} each" if plan.devices > 1 else ""
    lines = [
        plan.recipe,
        f"  updates       {about}{plan.steps_per_epoch:,} an epoch, {plan.total_steps:,} in all, "
        f"{plan.epochs:g} epochs, {plan.evaluations} evaluations",
        f"  batch         {about}{plan.effective_batch} utterances an update{many}, "
        f"{plan.effective_batch_seconds:.0f} s of audio",
        f"  samples       {plan.samples:,}{_implied(plan)}",
        f"  audio         {plan.hours_per_epoch:,.1f} h an epoch, "
        f"{plan.hours_in_all:,.0f} h in all",
        f"  parameters    {plan.parameters:,}, of which {plan.trainable_parameters:,} are trained",
        "  learning rate",
    ]
    lines += [
        f"    update {rate.step:>9,}  epoch {rate.epoch:>6.2f}  {rate.learning_rate:.3e}"
        for rate in plan.learning_rates
    ]
    batch = plan.largest_batch
    part = f" of {plan.devices} that share the model" if plan.sharding == "full" else ""
    lines += [
        f"  memory        of one {plan.device} device{part}, the largest batch {batch.rows} x "
        f"{batch.seconds:g} s, gradient checkpointing:",
        *_memory(plan),
    ]
    return "\n".join(lines)


def _each(plan: Plan) -> str:
    batch = plan.device_batch or f"{plan.batch_seconds:g} s"
    return f"{plan.accumulation} x {batch}"


def _implied(plan: Plan) -> str:
    if plan.samples_implied is None:
        return ""
    low, high = plan.samples_implied
    return f"; {low:,} to {high:,} give these updates"


def _memory(plan: Plan) -> list[str]:
    columns = [("on", plan.memory), ("off", plan.memory_otherwise)]
    if not plan.gradient_checkpointing:
        columns = [("on", plan.memory_otherwise), ("off", plan.memory)]
    names = {
        "weights": "weights",
        "gradients": "gradients",
        "optimiser": "optimiser's states",
        "gathered": "gathered at a time",
        "weight_copies": "16-bit copies",
        "activations": "activations",
        "extractor": "or frozen extractor",
        "total": "in all, at most",
    }
    chosen = "on" if plan.gradient_checkpointing else "off"
    heads = [f"{name} (recipe)" if name == chosen else name for name, _ in columns]
    lines = [f"    {'':<20}" + "".join(f"{head:>14}" for head in heads)]
    if plan.sharding == "none":
        del names["gathered"]
    for name, label in names.items():
        values = [_gib(memory, name) for _, memory in columns]
        lines.append(f"    {label:<20}" + "".join(f"{value:>14}" for value in values))
    return lines


def _gib(memory: Memory, name: str) -> str:
    return f"{getattr(memory, name) / _GIB:.2f} GiB"
