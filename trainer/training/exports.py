"""Keeps `export` at the best or the last state of a run."""

from pathlib import Path

from app.acoustic.weights import renamed
from trainer.export import average_checkpoints, export_model, last_checkpoints
from trainer.training.callbacks import TrainingCallback
from trainer.training.checkpoints import checkpoints
from trainer.training.disk import writing
from trainer.training.trainer import CtcTrainer


class Exports(TrainingCallback):
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

    def on_evaluate(self, loss: float, wer: float) -> None:  # noqa: ARG002
        """Exports the model where it is the last or the best."""
        trainer = self._trainer
        if self._by_validation and trainer.run.best_step != trainer.step:
            return
        self._export()

    def finish(self) -> None:
        """Leaves what the recipe selects: the last state, the best, or the mean of the last ones.

        Where validation selects, the mean has to be better than the best of them.
        """
        trainer = self._trainer
        trainer.devices.wait()
        count = trainer.recipe.training.average_checkpoints
        exported = (self._run / "export").is_dir()
        if count > 1 and len(checkpoints(self._run)) >= count:
            self._average(count)
        elif not (self._by_validation and exported):
            self._export()
        trainer.devices.wait()

    def _average(self, count: int) -> None:
        model, devices = self._trainer.network.model, self._trainer.devices
        last = {name: value.clone() for name, value in model.state_dict().items()}
        mean = average_checkpoints(last_checkpoints(self._run, count))
        devices.load_weights(
            model, {name: mean[other] for name, other in zip(last, renamed(last), strict=True)}
        )
        if not self._by_validation or self._trainer.measure()[1] < self._trainer.run.best_wer:
            self._export()
        model.load_state_dict(last)

    @property
    def _by_validation(self) -> bool:
        return self._trainer.recipe.training.select == "validation"

    def _export(self) -> None:
        folder, model = self._run / "export", self._trainer.network.model
        state = self._trainer.devices.whole(model.state_dict())
        if self._trainer.devices.first:
            with writing(folder):
                export_model(model, folder, tokens=self._tokens, state=state)
