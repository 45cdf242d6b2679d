"""The training loop, with its logs, evaluations and checkpoints.

An update arrives whole, as its micro-batches: their losses are divided by the size of all of
them, on all devices, so that how an update is cut changes nothing. Every random choice of an
update follows from its number.
"""

import json
import math
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import torch

from trainer.errors import TrainingError
from trainer.recipe import Recipe
from trainer.schedule import learning_rate
from trainer.training.batches import Batch
from trainer.training.callbacks import TrainingCallback
from trainer.training.checkpoints import RunState, rotate, write_folder, write_weights
from trainer.training.devices import Devices
from trainer.training.feed import BatchStream
from trainer.training.loss import autocast
from trainer.training.network import CtcNetwork
from trainer.training.objective import CtcObjective, Objective
from trainer.training.optimizer import clip_gradient, make_optimizer
from trainer.training.restore import Saved

EARLIEST_STOP = 1500
"""Both published trainings still had a WER of 1.0 at update 500."""

_MAX_SKIPPED = 25
"""Updates in a row without a finite gradient before a training fails."""


class CtcTrainer:
    """Trains a `Wav2Vec2ForCTC` by a recipe.

    Args:
        network: the network to train.
        devices: this process's device among all.
        output: run folder, for the checkpoints.
        recipe: every number.
        feed: the micro-batches of every update, for this device.
        precision: fp16, bf16 or fp32.
        validate: measures the model; returns loss and WER.
        save_tokens: writes the vocabulary into a checkpoint folder.
        warn: called with a message for each update that was skipped.
        objective: what to minimise, by default the CTC loss of the texts.
    """

    def __init__(
        self,
        network: CtcNetwork,
        devices: Devices,
        output: Path,
        *,
        recipe: Recipe,
        feed: BatchStream,
        precision: str,
        validate: Callable[[CtcNetwork], tuple[float, float]],
        save_tokens: Callable[[Path], None],
        warn: Callable[[str], None],
        objective: Objective | None = None,
    ) -> None:
        self.network = network
        self.devices = devices
        self.recipe = recipe
        self.feed = feed
        self.step = 0
        self.steps = feed.schedule.total_steps
        self.run = RunState()
        self.update_loss = torch.zeros(())
        self.update_seconds = 0.0
        self.learning_rate = 0.0
        self.callbacks: list[TrainingCallback] = []
        self._output = output
        self._precision = precision
        self._validate = validate
        self._save_tokens = save_tokens
        self._warn = warn
        # Layer drop leaves out parameters that other devices may have used.
        self._model = devices.wrap(network, find_unused_parameters=recipe.model.layerdrop > 0)
        self._optimizer = make_optimizer(network, recipe)
        self._scaler = torch.amp.GradScaler(devices.device.type, enabled=precision == "fp16")
        self._loss_sum = torch.zeros((), device=devices.device)
        self._log_history: list[dict[str, float]] = []
        self._losses: list[tuple[Batch, torch.Tensor]] = []
        self._skipped = 0
        self.interrupted = False
        self._objective = objective or CtcObjective(
            blank=cast("int", network.model.config.pad_token_id),
            zero_infinity=recipe.model.zero_infinity,
            per=recipe.model.loss_per,
        )

    def train(self, last: int, stop_requested: Callable[[], bool] = lambda: False) -> None:
        """Makes the updates after the last one made.

        Args:
            last: the update to stop after.
            stop_requested: whether to end after the update that is being made.

        Raises:
            TrainingError: the gradient was not finite for too many updates.
        """
        numbers = self.recipe.training
        for callback in self.callbacks:
            callback.on_train_begin()
        with closing(self.feed.updates(self.step)) as updates:
            for batches in updates:
                for callback in self.callbacks:
                    callback.on_update_begin()
                norm = self._update(batches, stop_requested())
                self.step += 1
                for callback in self.callbacks:
                    callback.on_update_end()
                # By the number of the update alone, so that a resumed run does the same.
                final = self.step == self.steps
                if self.step % numbers.log_every == 0 or final:
                    self._log_update(norm)
                stop = self.step >= last or self.interrupted
                evaluate = self.step % numbers.evaluate_every == 0 or final
                if evaluate:
                    self._evaluate()
                if evaluate or stop:
                    self._save()
                if stop or (evaluate and self.stops_early()):
                    break
        for callback in self.callbacks:
            callback.on_train_end()

    def stops_early(self) -> bool:
        """Returns whether validation has not improved for as long as the recipe allows."""
        allowed = self.recipe.training.early_stop_evaluations
        return (
            bool(allowed) and self.step >= EARLIEST_STOP and self.run.stale_evaluations >= allowed
        )

    def measure(self) -> tuple[float, float]:
        """Returns loss and WER of the model as it is, on the validation split."""
        return self._validate(self.network)

    # One update.

    def _update(self, batches: Sequence[Batch], stop: bool) -> torch.Tensor:
        """Makes one update and returns the norm of its gradient."""
        self._set_learning_rate()
        self._model.train()
        loss = self._accumulate(batches, stop)
        passed = max(1, self.step - self.run.logged_step)
        # A loss that is not finite counts as the mean so far.
        self._loss_sum += torch.where(loss.isfinite(), loss, self._loss_sum / passed)
        self.update_loss = loss
        self.update_seconds = sum(batch.seconds * batch.weight for batch in batches)
        norm = self._clip_gradient()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad()
        return norm

    def _accumulate(self, batches: Sequence[Batch], stop: bool) -> torch.Tensor:
        """Accumulates the gradient of an update and returns its loss."""
        device = self.devices.device
        sizes = [self._objective.size(batch) for batch in batches if batch.weight]
        size, self.interrupted = self._sum_over_devices(sum(sizes), stop=stop)
        total = torch.zeros((), device=device)
        self._losses = []
        for part, batch in enumerate(batches):
            self._seed(part)
            last = part == len(batches) - 1
            if last:
                total += self._backward(batch, size)
            else:
                with self.devices.without_sync(self._model):
                    total += self._backward(batch, size)
        return total

    def _backward(self, batch: Batch, size: int) -> torch.Tensor:
        """Adds a micro-batch's gradient and returns its part of the loss."""
        ready = batch.to(self.devices.device)
        with autocast(self._precision, self.devices.device):
            logits = self._model(ready.waveforms, ready.frames, ready.time_mask, ready.feature_mask)
        losses = self._objective.losses(logits, ready)
        # Gradients of several devices are averaged, and their sum is needed.
        loss = losses.sum() * (batch.weight * self.devices.count / size)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._losses.append((batch, losses.detach()))
        return loss.detach()

    def _sum_over_devices(self, size: int, *, stop: bool) -> tuple[int, bool]:
        """Returns the sum of the sizes of all devices, and whether any has to stop."""
        if self.devices.count == 1:
            return size, stop
        both = self.devices.sum(torch.tensor([size, int(stop)], device=self.devices.device))
        return int(both[0]), bool(both[1])

    def _seed(self, part: int) -> None:
        """Makes dropout and layer drop a function of the update and the part of it."""
        first = part * self.devices.count
        common = (self.recipe.seed * 1_000_003 + self.step) * 1_009 + first
        torch.manual_seed(common + self.devices.rank)
        if self.devices.sharded:
            # A layer is gathered from all devices, so that all have to leave out the same ones.
            self.network.layer_drop = torch.Generator().manual_seed(common)

    def _set_learning_rate(self) -> None:
        """Sets the rate of this update, whatever was skipped or loaded before it."""
        self.learning_rate = learning_rate(self.step, self.recipe.training, self.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate

    def _clip_gradient(self) -> torch.Tensor:
        """Clips the gradient to the recipe's norm, or drops it where it is not finite."""
        self._scaler.unscale_(self._optimizer)
        limit = self.recipe.training.max_grad_norm or math.inf
        norm = clip_gradient(self._model.parameters(), limit)
        if torch.isfinite(norm):
            self._skipped = 0
            return norm
        bad = sum(int((~losses.isfinite()).sum()) for _, losses in self._losses)
        finite = self._sum_over_devices(bad, stop=False)[0] == 0
        # fp16 gradients overflow now and then: their scaler skips the update by itself.
        if not self._scaler.is_enabled() or not finite:
            self._skip(name_all=finite)
        return norm

    def _skip(self, *, name_all: bool) -> None:
        """Drops the gradient of this update and names the utterances at fault, or all of them."""
        for parameter in self._model.parameters():
            parameter.grad = None
        self._skipped += 1
        rows = [
            self.feed.describe(row)
            for batch, losses in self._losses
            for row, loss in zip(batch.rows, losses.tolist(), strict=True)
            if name_all or not math.isfinite(loss)
        ]
        step = self.step + 1
        if rows:
            self._warn(f"update {step} left out, its gradient is not finite: {'; '.join(rows)}")
        if self._skipped >= _MAX_SKIPPED:
            raise TrainingError(
                f"the gradient has not been finite for {self._skipped} updates up to {step}: "
                "a lower learning_rate, zero_infinity or precision bf16 may help"
            )

    # Log, evaluation, checkpoints.

    def _log_update(self, norm: torch.Tensor) -> None:
        """Logs the mean loss since the last log, over all devices."""
        loss = self._mean_loss_sum() / (self.step - self.run.logged_step)
        self._loss_sum.zero_()
        self.run.training_loss = loss
        self.run.logged_step = self.step
        self._log({"loss": loss, "grad_norm": float(norm), "learning_rate": self.learning_rate})

    def _mean_loss_sum(self) -> float:
        return float(self.devices.sum(self._loss_sum.clone()) / self.devices.count)

    def _log(self, logs: dict[str, float]) -> None:
        logs = logs | {"epoch": self.feed.schedule.epoch(self.step)}
        self._log_history.append(logs | {"step": self.step})
        for callback in self.callbacks:
            callback.on_log(logs)

    def _evaluate(self) -> None:
        """Measures the model on the validation split."""
        loss, wer = self.measure()
        if wer < self.run.best_wer:
            self.run.best_wer, self.run.best_step = wer, self.step
            self.run.stale_evaluations = 0
        else:
            self.run.stale_evaluations += 1
        self._log({"eval_loss": loss, "eval_wer": wer})
        for callback in self.callbacks:
            callback.on_evaluate(loss, wer)

    def _save(self) -> None:
        """Writes a checkpoint folder, and removes old ones."""
        self.run.loss_sum = self._mean_loss_sum()
        weights = self.devices.whole(self.network.model.state_dict())
        optimizer = self.devices.whole(self._optimizer.state_dict())
        if self.devices.first:
            final = self._output / f"checkpoint-{self.step}"
            with write_folder(final) as folder:
                self._save_model(weights, folder)
                torch.save(optimizer, folder / "optimizer.pt")
                if self._scaler.is_enabled():
                    torch.save(self._scaler.state_dict(), folder / "scaler.pt")
                state = {
                    "epoch": self.feed.schedule.epoch(self.step),
                    "global_step": self.step,
                    "max_steps": self.steps,
                    "log_history": self._log_history,
                }
                (folder / "trainer_state.json").write_text(json.dumps(state, indent=2), "utf-8")
                self.run.save(folder)
            numbers = self.recipe.training
            spare = self.run.best_step if numbers.select == "validation" else None
            rotate(final.parent, keep=numbers.keep_checkpoints, spare_step=spare)
        self.devices.wait()

    def _save_model(self, weights: dict[str, torch.Tensor], folder: Path) -> None:
        model = self.network.model
        model.config.architectures = ["Wav2Vec2ForCTC"]
        model.config.save_pretrained(folder)
        write_weights(model, weights, folder)
        self._save_tokens(folder)

    def load(self, saved: Saved) -> None:
        """Continues from a checkpoint of this run.

        Raises:
            TrainingError: the checkpoint is of another model than the recipe has.
        """
        self.step = saved.step
        self.run = saved.run
        self._log_history = saved.log_history
        self._loss_sum.fill_(self.run.loss_sum)
        try:
            self.devices.load_weights(self.network.model, saved.weights)
            self.devices.load_optimizer(self._optimizer, saved.optimizer)
        except (RuntimeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise TrainingError(
                f"{saved.folder} is a checkpoint of another model than the recipe's: {reason}"
            ) from error
        if self._scaler.is_enabled() and saved.scaler is not None:
            self._scaler.load_state_dict(saved.scaler)
