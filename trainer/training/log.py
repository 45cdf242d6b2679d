"""Writes `training_log.csv` and TensorBoard event files."""

import csv
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from trainer.training.callbacks import TrainingCallback
from trainer.training.disk import writing
from trainer.training.trainer import CtcTrainer

LOG_COLUMNS = ("training_loss", "epoch", "step", "validation_loss", "wer")


class TrainingLog:
    """`training_log.csv`, with the columns of the published cards.

    Args:
        path: the file; made with its header if it is not there.
        keep_until: rows of later updates are dropped, for they will be written again.
    """

    def __init__(self, path: Path, *, keep_until: int) -> None:
        self._path = path
        rows: list[dict[str, str]] = []
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= keep_until]
        with writing(path), path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, LOG_COLUMNS)
            writer.writeheader()
            writer.writerows(rows)

    def write(
        self, loss: float, epoch: float, step: int, validation_loss: float, wer: float
    ) -> None:
        """Appends one row; `loss` is the mean that was last logged."""
        row = (round(loss, 4), round(epoch, 2), step, round(validation_loss, 4), round(wer, 4))
        with writing(self._path), self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(row)


class EvaluationLog(TrainingCallback):
    """Writes a row at each evaluation."""

    def __init__(self, trainer: CtcTrainer, log: TrainingLog) -> None:
        self._trainer = trainer
        self._log = log

    def on_evaluate(self, loss: float, wer: float) -> None:
        """Writes loss and WER beside the loss that was last logged in training."""
        trainer, step = self._trainer, self._trainer.step
        epoch = trainer.feed.schedule.epoch(step)
        self._log.write(trainer.run.training_loss, epoch, step, loss, wer)


class TensorBoardLog(TrainingCallback):
    """Writes logged figures to event files; a resumed run continues the same curves."""

    def __init__(self, trainer: CtcTrainer, folder: Path, *, start: int) -> None:
        self._trainer = trainer
        self._folder = folder
        with writing(folder):
            self._writer = SummaryWriter(str(folder), purge_step=start + 1)

    def on_log(self, logs: dict[str, float]) -> None:
        """Writes every number under the name it is logged with."""
        step = self._trainer.step
        with writing(self._folder):
            for name, value in logs.items():
                group = "validation" if name.startswith("eval_") else "training"
                self._writer.add_scalar(f"{group}/{name.removeprefix('eval_')}", value, step)

    def on_train_end(self) -> None:
        """Closes the file."""
        with writing(self._folder):
            self._writer.close()
