"""Rounds of training updates, ours and those of transformers, on noise that passes for speech."""

import gc
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import accelerate  # noqa: F401 - Trainer needs it; this error names the extra that brings it
import numpy as np
import torch
from datasets import Dataset
from torch import nn
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    Wav2Vec2ForCTC,
)

from app.audio import SAMPLE_RATE
from app.text import LETTERS
from trainer.data import Record, Waveform
from trainer.model import TOKENS, encode, random_model
from trainer.recipe import Recipe
from trainer.training.callbacks import TrainingCallback
from trainer.training.devices import Devices
from trainer.training.feed import BatchStream
from trainer.training.framing import Framing
from trainer.training.network import CtcNetwork
from trainer.training.order import Schedule, UpdateSize
from trainer.training.trainer import CtcTrainer

_LETTERS_A_SECOND = 14  # of read Danish and Norwegian


@dataclass(frozen=True, slots=True)
class Noise:
    """A stretch of noise that passes for speech."""

    seed: int
    samples: int

    def waveform(self) -> Waveform:
        """Makes it again; it costs about what reading and decoding would."""
        generator = np.random.default_rng(self.seed)
        return generator.standard_normal(self.samples, dtype=np.float32) * np.float32(0.1)


def speech(count: int, mean: float, *, longest: float, seed: int = 0) -> list[Record]:
    """Returns utterances whose lengths spread as those of real sets do, with texts to match.

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


class OurClock(TrainingCallback):
    """When each update of ours ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_update_end(self) -> None:
        """Records the time."""
        self.times.append(time.perf_counter())


class Clock(TrainerCallback):
    """When each update of transformers' ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as transformers has it
        """Records the time."""
        self.times.append(time.perf_counter())


@dataclass(frozen=True, slots=True)
class Round:
    """What a round of updates worked on, and how long; its first update is not counted."""

    audio: float
    seconds: float


def make_model(recipe: Recipe) -> Wav2Vec2ForCTC:
    """Returns a model of transformers with random weights, its front end frozen on request."""
    model = random_model(recipe.model, seed=0)
    if recipe.model.freeze_feature_encoder:
        model.freeze_feature_encoder()  # type: ignore[no-untyped-call]
    return model


def make_network(recipe: Recipe) -> CtcNetwork:
    """Returns what we train: the same model in our order of work."""
    recompute = recipe.model.gradient_checkpointing
    return CtcNetwork(make_model(recipe), torch.device("cpu"), recompute=recompute)


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


def train_ours(
    network: CtcNetwork,
    recipe: Recipe,
    records: Sequence[Record],
    precision: str,
    *,
    began: float | None = None,
) -> Round:
    """Trains ours; with `began`, the first update counts too."""
    numbers = recipe.training
    schedule = Schedule(
        [record.seconds for record in records],
        UpdateSize(numbers.device_batch, numbers.batch_seconds, numbers.accumulation),
        sorted_epochs=0,
        seed=recipe.seed,
        steps=numbers.steps,
    )
    feed = BatchStream(records, schedule, recipe, TOKENS, Framing.of(network.model.config))
    clock = OurClock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = CtcTrainer(
            network,
            Devices(torch.device("cpu")),
            Path(folder),
            recipe=recipe,
            feed=feed,
            precision=precision,
            validate=lambda _: (0.0, 0.0),
            save_tokens=lambda _: None,
            warn=print,
        )
        trainer.callbacks.append(clock)
        trainer.train(numbers.steps)
        del trainer
    gc.collect()  # a trainer and its optimiser refer to each other
    counted = range(numbers.steps) if began is not None else range(1, numbers.steps)
    indexes = [i for step in counted for part in schedule.update(step) for i in part]
    start = clock.times[0] if began is None else began
    return Round(sum(records[i].seconds for i in indexes), clock.times[-1] - start)


def train_stock(
    model: nn.Module,
    recipe: Recipe,
    records: Sequence[Record],
    precision: str,
    *,
    batch: int,
    seed: int,
) -> Round:
    """Trains as the usual fine-tuning script does: padded batches grouped by length."""
    audio: list[float] = []

    def collate(rows: Sequence[dict[str, int]]) -> dict[str, torch.Tensor]:
        chosen = [records[row["index"]] for row in rows]
        audio.append(sum(record.seconds for record in chosen))
        waves = [_normalised(record.audio.waveform()) for record in chosen]
        labels = [torch.tensor(encode(record.text)) for record in chosen]
        pad = nn.utils.rnn.pad_sequence
        return {
            "input_values": pad(waves, batch_first=True),
            "attention_mask": pad([torch.ones(len(w)) for w in waves], batch_first=True).long(),
            "labels": pad(labels, batch_first=True, padding_value=-100),
        }

    # What the usual script has after its preprocessing; only the lengths are looked at.
    lengths = Dataset.from_dict(
        {
            "index": list(range(len(records))),
            "length": [round(record.seconds * SAMPLE_RATE) for record in records],
        }
    )
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = _arguments(
            folder,
            recipe,
            per_device_train_batch_size=batch,
            train_sampling_strategy="group_by_length",
            remove_unused_columns=False,
            gradient_checkpointing=recipe.model.gradient_checkpointing,
            gradient_checkpointing_kwargs={"use_reentrant": False},
            bf16=precision == "bf16",
            seed=seed,
        )
        trainer = Trainer(model=model, args=arguments, data_collator=collate, train_dataset=lengths)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(clock)
        trainer.train()
        del trainer
    gc.collect()
    count = len(clock.times)
    return Round(sum(audio[1:count]), clock.times[-1] - clock.times[0])


def _normalised(wave: Waveform) -> torch.Tensor:
    return torch.from_numpy((wave - wave.mean()) / np.sqrt(wave.var() + 1e-7))
