"""Our training against transformers' own, on the same model, speech and machine, in one run.

`nordlyd bench training --shape demo`: rounds of updates in turn, audio seconds a second of each.
`nordlyd bench training --step RECIPE`: one real update of a full-size recipe, and its memory.
"""

import argparse
import logging
import resource
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments, Wav2Vec2ForCTC

from app.audio import SAMPLE_RATE
from app.text import LETTERS
from bench.report import finish, table
from trainer.data import Record, Waveform
from trainer.model import TOKENS, encode, random_model
from trainer.recipe import Recipe, load_recipe
from trainer.schedule import FILL
from trainer.training.feed import Feed
from trainer.training.framing import Framing
from trainer.training.loss import resolve_precision
from trainer.training.network import CtcNetwork, recompute_layers
from trainer.training.order import Schedule, UpdateSize
from trainer.training.trainer import CtcTrainer

RECIPES = {"demo": "demo-da", "xls-r-300m": "wav2vec2-large-danish-npsc-nst"}
_LETTERS_A_SECOND = 14  # of read Danish and Norwegian
_CPU = torch.device("cpu")


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, measure, print."""
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


@dataclass(frozen=True, slots=True)
class Noise:
    """A stretch of noise that passes for speech."""

    seed: int
    samples: int

    def waveform(self) -> Waveform:
        """Make it again; it costs about what reading and decoding would."""
        generator = np.random.default_rng(self.seed)
        return generator.standard_normal(self.samples, dtype=np.float32) * np.float32(0.1)


def speech(count: int, mean: float, *, longest: float, seed: int = 0) -> list[Record]:
    """Return utterances whose lengths spread as those of real sets do, with texts to match.

    Args:
        count: how many.
        mean: length in seconds.
        longest: what is longer is cut, in seconds.
        seed: of lengths and letters.
    """
    generator = np.random.default_rng(seed)
    # A gamma distribution of shape 4: the spread of both NPSC and the demo sets.
    lengths = np.clip(generator.gamma(4.0, mean / 4.0, count), 0.6, longest)
    letters = np.array([*LETTERS, *" " * 6])
    texts = ["".join(generator.choice(letters, int(n * _LETTERS_A_SECOND))) for n in lengths]
    return [
        Record(Noise(index, round(n * SAMPLE_RATE)), " ".join(text.split()), "da", "train", "", n)
        for index, (n, text) in enumerate(zip(lengths.tolist(), texts, strict=True))
    ]


class Clock(TrainerCallback):
    """When each update ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as transformers has it
        """Note the time."""
        self.times.append(time.perf_counter())


@dataclass(frozen=True, slots=True)
class Round:
    """What a round of updates worked on, and how long; its first update is not counted."""

    audio: float
    seconds: float


def side_by_side(options: argparse.Namespace) -> None:
    """Train both for some updates in turn and print both speeds."""
    full = load_recipe(RECIPES[options.shape])
    small = options.shape == "demo"
    updates, batch = options.updates or (30 if small else 3), options.batch or (10 if small else 4)
    mean = options.seconds or full.data.train_seconds / full.data.train_samples
    records = speech(max(400, 2 * batch * updates), mean, longest=full.data.max_seconds)
    mean = sum(record.seconds for record in records) / len(records)
    recipe = _recipe(full, updates=updates + 1, batch_seconds=batch * mean / FILL)
    ours = CtcNetwork(_model(recipe), _CPU)
    stock = _model(recipe)
    rounds: dict[str, list[Round]] = {"ours": [], "transformers": []}
    for number in range(options.rounds + 1):
        # The first round is for the libraries to warm up, which is more than one update's matter.
        mine = _ours(ours, replace(recipe, seed=number), records, options.precision)
        theirs = _stock(stock, recipe, records, options.precision, batch=batch, seed=number)
        if number:
            rounds["ours"].append(mine)
            rounds["transformers"].append(theirs)
    speeds = {
        name: sum(r.audio for r in all_) / sum(r.seconds for r in all_)
        for name, all_ in rounds.items()
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
    """Make one update of a recipe as it stands, from random weights, and print time and memory."""
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
    model = _model(recipe)
    parameters = sum(value.numel() for value in model.parameters())
    began = time.perf_counter()
    done = _ours(CtcNetwork(model, _CPU), recipe, records, precision, began=began)
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


def _model(recipe: Recipe) -> Wav2Vec2ForCTC:
    model = random_model(recipe.model, seed=0)
    if recipe.model.freeze_feature_encoder:
        model.freeze_feature_encoder()  # type: ignore[no-untyped-call]
    if recipe.model.gradient_checkpointing:
        recompute_layers(model)
    return model


def _arguments(folder: str, recipe: Recipe, **more: Any) -> TrainingArguments:  # noqa: ANN401
    numbers = recipe.training
    return TrainingArguments(
        output_dir=folder,
        max_steps=numbers.steps,
        learning_rate=1e-5,
        max_grad_norm=numbers.max_grad_norm,
        use_cpu=True,
        logging_strategy="no",
        save_strategy="no",
        disable_tqdm=True,
        report_to=[],
        **more,
    )


def _ours(
    network: CtcNetwork,
    recipe: Recipe,
    records: Sequence[Record],
    precision: str,
    *,
    began: float | None = None,
) -> Round:
    """Train ours; with `began`, the first update counts too."""
    numbers = recipe.training
    schedule = Schedule(
        [record.seconds for record in records],
        UpdateSize(numbers.device_batch, numbers.batch_seconds, numbers.accumulation),
        sorted_epochs=0,
        seed=recipe.seed,
        steps=numbers.steps,
    )
    feed = Feed(records, schedule, recipe, TOKENS, Framing.of(network.model.config))
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = CtcTrainer(
            network,
            _arguments(folder, recipe, average_tokens_across_devices=False, ignore_data_skip=True),
            recipe=recipe,
            feed=feed,
            precision=precision,
            validate=lambda _: (0.0, 0.0),
            save_tokens=lambda _: None,
            warn=print,
        )
        trainer.add_callback(clock)
        trainer.train()
    counted = range(numbers.steps) if began is not None else range(1, numbers.steps)
    indexes = [i for step in counted for part in schedule.update(step) for i in part]
    start = clock.times[0] if began is None else began
    return Round(sum(records[i].seconds for i in indexes), clock.times[-1] - start)


class _Rows(Dataset[dict[str, Any]]):
    """The records as the usual fine-tuning script keeps them."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        record = self._records[index]
        wave = record.audio.waveform()
        values = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
        return {"input_values": values, "labels": encode(record.text), "length": len(wave)}


def _stock(
    model: nn.Module,
    recipe: Recipe,
    records: Sequence[Record],
    precision: str,
    *,
    batch: int,
    seed: int,
) -> Round:
    """Train as the usual fine-tuning script does: padded batches grouped by length."""
    audio: list[float] = []

    def collate(rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        audio.append(sum(len(row["input_values"]) for row in rows) / SAMPLE_RATE)
        waves = [torch.from_numpy(row["input_values"]) for row in rows]
        labels = [torch.tensor(row["labels"]) for row in rows]
        pad = nn.utils.rnn.pad_sequence
        return {
            "input_values": pad(waves, batch_first=True),
            "attention_mask": pad([torch.ones(len(w)) for w in waves], batch_first=True).long(),
            "labels": pad(labels, batch_first=True, padding_value=-100),
        }

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = _arguments(
            folder,
            recipe,
            per_device_train_batch_size=batch,
            train_sampling_strategy="group_by_length",
            length_column_name="length",
            remove_unused_columns=False,
            bf16=precision == "bf16",
            seed=seed,
        )
        trainer = Trainer(
            model=model, args=arguments, data_collator=collate, train_dataset=_Rows(records)
        )
        trainer.add_callback(clock)
        trainer.train()
    count = len(clock.times)
    return Round(sum(audio[1:count]), clock.times[-1] - clock.times[0])


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
