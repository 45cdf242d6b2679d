"""Our training against transformers' own, on the same model, speech and machine, in one run.

`nordlyd bench training --shape demo`: rounds of updates in turn, audio seconds a second of each.
`nordlyd bench training --step RECIPE`: one real update of a full-size recipe, and its memory.
"""

import argparse
import logging
import resource
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import torch

from bench.report import finish, table
from bench.updates import Round, make_model, make_network, speech, train_ours, train_stock
from trainer.recipe import Recipe, load_recipe
from trainer.schedule import FILL
from trainer.training.loss import resolve_precision

RECIPES = {"demo": "demo-da", "xls-r-300m": "wav2vec2-large-danish-npsc-nst"}
_CPU = torch.device("cpu")


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench training", description=__doc__)
    parser.add_argument("--shape", choices=sorted(RECIPES), default="demo")
    parser.add_argument("--updates", type=int, default=0, help="of a round; 0: 30 or 3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=0, help="utterances on average; 0: 10 or 4")
    parser.add_argument("--seconds", type=float, default=0.0, help="mean length; 0: the recipe's")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--threads", type=int, default=0, help="0: all")
    parser.add_argument("--step", metavar="RECIPE", help="measure one real update of a recipe")
    options = parser.parse_args(argv)
    warnings.filterwarnings("ignore")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.step:
        one_update(options)
    else:
        side_by_side(options)


def side_by_side(options: argparse.Namespace) -> None:
    """Trains both for some updates in turn and prints both speeds."""
    full = load_recipe(RECIPES[options.shape])
    small = options.shape == "demo"
    updates, batch = options.updates or (30 if small else 3), options.batch or (10 if small else 4)
    mean = options.seconds or full.data.train_seconds / full.data.train_samples
    records = speech(max(400, 2 * batch * updates), mean, longest=full.data.max_seconds)
    mean = sum(record.seconds for record in records) / len(records)
    recipe = _recipe(full, updates=updates + 1, batch_seconds=batch * mean / FILL)
    ours = make_network(recipe)
    stock = make_model(recipe)
    rounds: dict[str, list[Round]] = {"ours": [], "transformers": []}
    for number in range(options.rounds + 1):
        # The first round is for the libraries to warm up, which is more than one update's matter.
        mine = train_ours(ours, replace(recipe, seed=number), records, options.precision)
        theirs = train_stock(stock, recipe, records, options.precision, batch=batch, seed=number)
        if number:
            rounds["ours"].append(mine)
            rounds["transformers"].append(theirs)
    # The median: what else the machine does must not decide.
    speeds = {
        name: median(done.audio / done.seconds for done in all_) for name, all_ in rounds.items()
    }
    ratio = speeds["ours"] / speeds["transformers"]
    table(
        f"training {options.shape}, {options.precision}, about {batch} x {mean:.1f} s an update,"
        f" {torch.get_num_threads()} threads",
        ["", "audio s a second", "updates", "ours / it"],
        [
            [name, f"{speed:.1f}", str(updates * options.rounds), f"{speeds['ours'] / speed:.2f}"]
            for name, speed in speeds.items()
        ],
    )
    finish(
        {
            "benchmark": "training",
            "shape": options.shape,
            "precision": options.precision,
            "batch": batch,
            "mean_seconds": round(mean, 2),
            "updates": updates * options.rounds,
            "threads": torch.get_num_threads(),
            "ours_audio_s_per_s": round(speeds["ours"], 2),
            "transformers_audio_s_per_s": round(speeds["transformers"], 2),
            "ours_over_transformers": round(ratio, 3),
            "peak_rss_gib": round(_peak_gib(), 2),
        }
    )


def one_update(options: argparse.Namespace) -> None:
    """Makes one update of an unchanged recipe, from random weights; prints time and memory."""
    full = load_recipe(options.step)
    numbers = full.training
    mean = options.seconds or full.data.train_seconds / full.data.train_samples
    utterances = numbers.device_batch * numbers.accumulation
    count = utterances or int(numbers.batch_seconds * numbers.accumulation / mean) + 1
    records = speech(count, mean, longest=full.data.max_seconds)
    recipe = replace(
        full, training=replace(numbers, steps=1, epochs=0.0, join_seconds=(0.0,), log_every=10**9)
    )
    precision = resolve_precision("auto", _CPU) if numbers.precision == "fp16" else None
    precision = precision or resolve_precision(numbers.precision, _CPU)
    network = make_network(recipe)
    parameters = sum(value.numel() for value in network.parameters())
    began = time.perf_counter()
    done = train_ours(network, recipe, records, precision, began=began)
    title = f"one update of {recipe.id}: {parameters / 1e6:.0f} M parameters, {precision}"
    peak = _peak_gib()
    table(
        title,
        ["audio s", "seconds", "audio s a second", "peak memory GiB"],
        [
            [
                f"{done.audio:.0f}",
                f"{done.seconds:.1f}",
                f"{done.audio / done.seconds:.2f}",
                f"{peak:.1f}",
            ]
        ],
    )
    finish(
        {
            "benchmark": "training",
            "step": recipe.id,
            "parameters": parameters,
            "precision": precision,
            "device_batch": numbers.device_batch,
            "accumulation": numbers.accumulation,
            "gradient_checkpointing": recipe.model.gradient_checkpointing,
            "audio_s": round(done.audio, 1),
            "update_s": round(done.seconds, 2),
            "audio_s_per_s": round(done.audio / done.seconds, 3),
            "peak_rss_gib": round(peak, 2),
            "threads": torch.get_num_threads(),
        }
    )


def _recipe(full: Recipe, *, updates: int, batch_seconds: float) -> Recipe:
    """The recipe with batches by seconds and without what only one side has."""
    training = replace(
        full.training,
        epochs=0.0,
        steps=updates,
        warmup_steps=1,
        decay_steps=1,
        device_batch=0,
        batch_seconds=batch_seconds,
        accumulation=1,
        join_seconds=(0.0,),
        sorted_epochs=0,
        log_every=10**9,
    )
    return replace(full, training=training, augmentation=None)


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
