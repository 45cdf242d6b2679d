"""Evaluations in, `export` kept at the best or the last state of a run out."""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from trainer.export import export_folder, export_model
from trainer.training.checkpoints import checkpoints
from trainer.training.trainer import CtcTrainer


class Exports(TrainerCallback):
    """Exports at each evaluation what the recipe would select if the run ended there.

    Args:
        trainer: whose model it is.
        run: run folder.
        tokens: of the model.
    """

    def __init__(self, trainer: CtcTrainer, run: Path, tokens: tuple[str, ...]) -> None:
        self._trainer = trainer
        self._run = run
        self._tokens = tokens

    def on_evaluate(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - as transformers has it
        """Export the model where it is the last or the best."""
        trainer = self._trainer
        if self._by_validation and trainer.run.best_step != trainer.state.global_step:
            return
        self._export()

    def finish(self) -> None:
        """Leave what the recipe selects: the mean of the last checkpoints, the best or the last."""
        count = self._trainer.recipe.training.average_checkpoints
        if count > 1 and len(checkpoints(self._run)) >= count:
            export_folder(self._run, self._run / "export", average=count)
        elif not (self._by_validation and (self._run / "export").is_dir()):
            self._export()

    @property
    def _by_validation(self) -> bool:
        return self._trainer.recipe.training.select == "validation"

    def _export(self) -> None:
        export_model(self._trainer.network.model, self._run / "export", tokens=self._tokens)
