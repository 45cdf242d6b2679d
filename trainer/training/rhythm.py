"""Updates done in; when to log, evaluate, save and stop out."""

from typing import Any

from transformers import TrainerCallback

from trainer.training.trainer import CtcTrainer

EARLIEST_STOP = 1500
"""Both published trainings still had a WER of 1.0 at update 500."""


class ScheduleCallback(TrainerCallback):
    """Tells transformers what to do after each update.

    Args:
        trainer: whose updates they are.
        last: the update to stop after.
    """

    def __init__(self, trainer: CtcTrainer, *, last: int) -> None:
        self._trainer = trainer
        self._last = last

    def on_train_begin(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as transformers has it
        """Go on with the log where the checkpoint left it."""
        self._trainer.begin_log()

    def on_step_end(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as transformers has it
        """Decide by the number of the update alone, so that a resumed run does the same."""
        state, control = self._trainer.state, self._trainer.control
        numbers, step = self._trainer.recipe.training, state.global_step
        control.should_log = step % numbers.log_every == 0 or step == state.max_steps
        control.should_evaluate = step % numbers.evaluate_every == 0 or step == state.max_steps
        stopping = step >= self._last or self._trainer.interrupted
        control.should_save = control.should_evaluate or stopping
        control.should_training_stop = stopping

    def on_evaluate(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as transformers has it
        """Stop where the figures have not improved for long enough."""
        if stops_early(self._trainer, self._trainer.state.global_step):
            self._trainer.control.should_training_stop = True


def stops_early(trainer: CtcTrainer, step: int) -> bool:
    """Tell whether the recipe's patience is over."""
    patience = trainer.recipe.training.early_stop_evaluations
    return bool(patience) and step >= EARLIEST_STOP and trainer.run.stale_evaluations >= patience
