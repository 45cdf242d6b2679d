"""Updates done in; what a person watches out: loss, rate, speed, and each evaluation."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback

from trainer.training.trainer import CtcTrainer

_SELDOM = 0.5  # seconds: reading the loss makes a GPU wait


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known after an update; `seconds_per_second` is audio over wall-clock.

    `validation` is loss and WER, where the model was just measured.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    learning_rate: float
    seconds_per_second: float
    validation: tuple[float, float] | None = None


class ProgressReport(TrainerCallback):
    """Reports the progress of the first device, with the audio of all.

    Args:
        trainer: whose progress it is.
        report: told of it.
    """

    def __init__(self, trainer: CtcTrainer, report: Callable[[Progress], None]) -> None:
        self._trainer = trainer
        self._report = report
        self._began = self._told = time.perf_counter()
        self._audio = self._speed = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as transformers has it
        """Start the clock."""
        self._began = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as transformers has it
        """Report an update."""
        now = time.perf_counter()
        self._audio += self._trainer.step_seconds * self._trainer.args.world_size
        cheap = self._trainer.args.device.type == "cpu"
        if cheap or now - self._told > _SELDOM:
            self._speed = self._audio / max(1e-9, now - self._began)
            self._report(self._progress())
            self._began, self._audio, self._told = now, 0.0, now

    def on_evaluate(self, *_: Any, **event: Any) -> None:  # noqa: ANN401 - as transformers has it
        """Report an evaluation."""
        metrics: dict[str, float] = event["metrics"]
        measured = (metrics["eval_loss"], metrics["eval_wer"])
        self._report(self._progress(measured))

    def on_step_begin(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as transformers has it
        """Leave evaluations and checkpoints out of the speed."""
        if not self._audio:
            self._began = time.perf_counter()

    def _progress(self, validation: tuple[float, float] | None = None) -> Progress:
        trainer, state = self._trainer, self._trainer.state
        return Progress(
            step=state.global_step,
            steps=state.max_steps,
            epoch=trainer.feed.schedule.epoch(state.global_step),
            loss=float(trainer.step_loss),
            learning_rate=trainer.step_rate,
            seconds_per_second=self._speed,
            validation=validation,
        )
