"""Reports the progress of a training: loss, learning rate, speed and evaluations."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from trainer.training.callbacks import TrainingCallback
from trainer.training.trainer import CtcTrainer

_INTERVAL = 0.5  # seconds between reports: reading the loss makes a GPU wait


@dataclass(frozen=True, slots=True)
class Progress:
    """The figures after an update; `seconds_per_second` is audio over wall-clock.

    `validation` is loss and WER, where the model was just measured.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    learning_rate: float
    seconds_per_second: float
    validation: tuple[float, float] | None = None


class ProgressReport(TrainingCallback):
    """Reports the progress of the first device, with the audio of all.

    Args:
        trainer: whose progress it is.
        report: called with each report.
    """

    def __init__(self, trainer: CtcTrainer, report: Callable[[Progress], None]) -> None:
        self._trainer = trainer
        self._report = report
        self._began = self._reported = time.perf_counter()
        self._audio = self._speed = 0.0

    def on_train_begin(self) -> None:
        """Starts the clock."""
        self._began = time.perf_counter()

    def on_update_end(self) -> None:
        """Reports an update."""
        now = time.perf_counter()
        devices = self._trainer.devices
        self._audio += self._trainer.update_seconds * devices.count
        if devices.device.type == "cpu" or now - self._reported > _INTERVAL:
            self._speed = self._audio / max(1e-9, now - self._began)
            self._report(self._progress())
            self._began, self._audio, self._reported = now, 0.0, now

    def on_evaluate(self, loss: float, wer: float) -> None:
        """Reports an evaluation."""
        self._report(self._progress((loss, wer)))

    def on_update_begin(self) -> None:
        """Leaves evaluations and checkpoints out of the speed."""
        if not self._audio:
            self._began = time.perf_counter()

    def _progress(self, validation: tuple[float, float] | None = None) -> Progress:
        trainer = self._trainer
        return Progress(
            step=trainer.step,
            steps=trainer.steps,
            epoch=trainer.feed.schedule.epoch(trainer.step),
            loss=float(trainer.update_loss),
            learning_rate=trainer.learning_rate,
            seconds_per_second=self._speed,
            validation=validation,
        )
