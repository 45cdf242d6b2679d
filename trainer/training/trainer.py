"""transformers' Trainer with another idea of a batch, a loss and a checkpoint.

An update arrives whole, as its micro-batches: their losses are divided by the size of all of
them, on all devices, so that how an update is cut changes nothing. Every random choice of an
update follows from its number.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PrinterCallback, Trainer, TrainingArguments

from trainer.errors import TrainingError
from trainer.recipe import Recipe
from trainer.schedule import learning_rate
from trainer.training.batches import Batch
from trainer.training.checkpoints import RunState, fresh_folder, rotate
from trainer.training.feed import BatchStream
from trainer.training.loss import autocast, loss_share, utterance_losses
from trainer.training.network import CtcNetwork

_PATIENCE = 25
"""Updates in a row without a finite gradient before a training gives up."""


class CtcTrainer(Trainer):
    """Trains a `Wav2Vec2ForCTC` by a recipe.

    Args:
        network: what is trained.
        args: of transformers; its strategies are off; `ScheduleCallback` decides when each runs.
        recipe: every number.
        feed: the micro-batches of every update, for this device.
        precision: fp16, bf16 or fp32.
        validate: measures the model; returns loss and WER.
        save_tokens: writes the vocabulary into a checkpoint folder.
        warn: told of updates that were left out.
    """

    def __init__(
        self,
        network: CtcNetwork,
        args: TrainingArguments,
        *,
        recipe: Recipe,
        feed: BatchStream,
        precision: str,
        validate: Callable[[CtcNetwork], tuple[float, float]],
        save_tokens: Callable[[Path], None],
        warn: Callable[[str], None],
    ) -> None:
        super().__init__(model=network, args=args)
        self.network = network
        self.remove_callback(PrinterCallback)
        self.recipe = recipe
        self.feed = feed
        self.run = RunState()
        self.step_loss = torch.zeros(())
        self.step_seconds = 0.0
        self.step_rate = 0.0
        self.interrupted = False
        self.asked_to_stop: Callable[[], bool] = lambda: False
        self._precision = precision
        self._validate = validate
        self._save_tokens = save_tokens
        self._warn = warn
        self._losses: list[tuple[Batch, torch.Tensor]] = []
        self._left_out = 0
        self._blank = cast("int", network.model.config.pad_token_id)
        self._zero_infinity = recipe.model.zero_infinity

    # Data: an update at a time, from wherever the training stands.

    def get_train_dataloader(self) -> Any:  # noqa: ANN401 - a DataLoader, for transformers
        """Return what yields the updates after the last one made."""
        return _Updates(self)

    def get_batch_samples(
        self, epoch_iterator: Iterator[list[Batch]], *_: object
    ) -> tuple[list[list[Batch]], None]:
        """Take one update from the iterator."""
        return [next(epoch_iterator)], None

    def floating_point_ops(self, inputs: object) -> int:  # noqa: ARG002
        """Count nothing: audio seconds are what is reported."""
        return 0

    # One update.

    def training_step(
        self,
        model: nn.Module,
        inputs: Any,  # noqa: ANN401 - transformers has dictionaries
        *_: object,
    ) -> torch.Tensor:
        """Accumulate the gradient of an update and return its loss."""
        step, device = self.state.global_step, self.args.device
        self._set_rate(step)
        model.train()
        self._losses = []
        batches: list[Batch] = inputs
        per = self.recipe.model.loss_per
        sizes = [loss_share(batch, per)[1] for batch in batches if batch.weight]
        size, self.interrupted = self._agree(sum(sizes), self.asked_to_stop())
        total = torch.zeros((), device=device)
        for part, batch in enumerate(batches):
            self._seed(step, part)
            last = part == len(batches) - 1
            with nullcontext() if last else self.accelerator.no_sync(model):
                ready = batch.to(device)
                with autocast(self._precision, device):
                    logits = model(
                        ready.waveforms, ready.frames, ready.time_mask, ready.feature_mask
                    )
                losses = utterance_losses(
                    logits, ready, blank=self._blank, zero_infinity=self._zero_infinity
                )
                scale = batch.weight * self.args.world_size / size
                loss = (losses * loss_share(batch, per)[0].to(device)).sum() * scale
                self.accelerator.backward(loss)
            self._losses.append((batch, losses.detach()))
            total += loss.detach()
        self.step_loss = total
        self.step_seconds = sum(batch.seconds * batch.weight for batch in batches)
        passed = max(1, step - self._globalstep_last_logged)
        return torch.where(total.isfinite(), total, self._tr_loss / passed)

    def _agree(self, size: int, stop: bool) -> tuple[int, bool]:
        """Sum the sizes of all devices' parts, and stop where any was asked to."""
        if self.args.world_size == 1:
            return size, stop
        both = torch.tensor([size, int(stop)], device=self.args.device)
        torch.distributed.all_reduce(both)
        return int(both[0]), bool(both[1])

    def _seed(self, step: int, part: int) -> None:
        """Make dropout and layer drop a function of the update and the part of it."""
        place = part * self.args.world_size + self.args.process_index
        seed = (self.recipe.seed * 1_000_003 + step) * 1_009 + place
        torch.manual_seed(seed)

    def _clip_grad_norm(self, model: nn.Module) -> torch.Tensor:
        self.accelerator.unscale_gradients()
        limit = self.args.max_grad_norm or math.inf
        norm = nn.utils.clip_grad_norm_(model.parameters(), limit, foreach=True)
        if torch.isfinite(norm):
            self._left_out = 0
            return norm
        finite = self._losses_are_finite()
        # fp16 gradients overflow now and then: their scaler leaves the update out by itself.
        if self.accelerator.scaler is None or not finite:
            self._leave_out(model, name_all=finite)
        return norm

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:  # noqa: ANN401
        return self._clip_grad_norm(model) if grad_norm is None else grad_norm

    def _losses_are_finite(self) -> bool:
        """Tell whether the losses of this update are finite on all devices."""
        bad = sum(int((~losses.isfinite()).sum()) for _, losses in self._losses)
        return self._agree(bad, stop=False)[0] == 0

    def _leave_out(self, model: nn.Module, *, name_all: bool) -> None:
        """Drop the gradient of this update and name the utterances at fault, or all of them."""
        for parameter in model.parameters():
            parameter.grad = None
        self._left_out += 1
        rows = [
            self.feed.describe(row)
            for batch, losses in self._losses
            for row, loss in zip(batch.rows, losses.tolist(), strict=True)
            if name_all or not math.isfinite(loss)
        ]
        step = self.state.global_step + 1
        if rows:
            self._warn(f"update {step} left out, its gradient is not finite: {'; '.join(rows)}")
        if self._left_out >= _PATIENCE:
            raise TrainingError(
                f"the gradient has not been finite for {self._left_out} updates up to {step}: "
                "a lower learning_rate, zero_infinity or precision bf16 may help"
            )

    # Optimiser and rate.

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Return AdamW in one fused pass; norms and biases do not decay, as transformers has it."""
        model = model or self.network
        numbers = self.recipe.training
        decays = set(self.get_decay_parameter_names(model))
        groups = [
            {
                "params": [
                    parameter
                    for name, parameter in model.named_parameters()
                    if parameter.requires_grad and (name in decays) == decay
                ],
                "weight_decay": numbers.weight_decay if decay else 0.0,
            }
            for decay in (True, False)
        ]
        # A rate of 1, so that the factor of the schedule is the rate itself.
        self.optimizer = torch.optim.AdamW(
            groups, lr=1.0, betas=numbers.betas, eps=numbers.epsilon, fused=True
        )
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Return the recipe's learning rate as a function of the update."""
        numbers = self.recipe.training
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or cast("torch.optim.Optimizer", self.optimizer),
            lambda step: learning_rate(step, numbers, num_training_steps),
        )
        return self.lr_scheduler

    def _set_rate(self, step: int) -> None:
        """Set the rate of an update, whatever was skipped or loaded before it."""
        self.step_rate = learning_rate(step, self.recipe.training, self.state.max_steps)
        for group in cast("torch.optim.Optimizer", self.optimizer).param_groups:
            group["lr"] = self.step_rate

    def _get_learning_rate(self) -> float:
        return self.step_rate

    # Log, evaluation, checkpoints.

    def begin_log(self) -> None:
        """Go on with the loss of a window that a checkpoint cut in two."""
        self._tr_loss.fill_(self.run.loss_sum)
        self._globalstep_last_logged = self.run.logged_step

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log with the epoch that the data say."""
        self.state.epoch = self.feed.schedule.epoch(self.state.global_step)
        if "loss" in logs:
            self.run.training_loss = logs["loss"]
        super().log(logs, start_time)

    def measure(self) -> tuple[float, float]:
        """Return loss and WER of the model as it is, on the validation split."""
        return self._validate(self.network)

    def evaluate(self, *_: object, **__: object) -> dict[str, float]:
        """Measure the model on the validation split."""
        loss, wer = self.measure()
        metrics = {"eval_loss": loss, "eval_wer": wer}
        if wer < self.run.best_wer:
            self.run.best_wer, self.run.best_step = wer, self.state.global_step
            self.run.stale_evaluations = 0
        else:
            self.run.stale_evaluations += 1
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _save_checkpoint(self, model: nn.Module, trial: object) -> None:  # noqa: ARG002
        final = self._folder / f"checkpoint-{self.state.global_step}"
        self.run.loss_sum = float(self.accelerator.reduce(self._tr_loss.clone(), "mean"))
        self.run.logged_step = self._globalstep_last_logged
        if self.args.should_save:
            with fresh_folder(final) as folder:
                self._save(str(folder))
                self._save_optimizer_and_scheduler(str(folder))
                self._save_scaler(str(folder))
                self.state.save_to_json(str(folder / "trainer_state.json"))
                self.run.save(folder)
            numbers = self.recipe.training
            spare = self.run.best_step if numbers.select == "validation" else None
            rotate(final.parent, keep=numbers.keep_checkpoints, spare_step=spare)
        self.accelerator.wait_for_everyone()

    @property
    def _folder(self) -> Path:
        return Path(str(self.args.output_dir))

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ANN401, ARG002
        folder = Path(output_dir) if output_dir else self._folder
        model = self.network.model
        model.config.architectures = ["Wav2Vec2ForCTC"]
        model.config.save_pretrained(folder)
        weights = {name: value.contiguous() for name, value in model.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        self._save_tokens(folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:  # noqa: ANN401, ARG002
        folder = Path(resume_from_checkpoint)
        self.network.model.load_state_dict(load_file(folder / "model.safetensors"))
        self.run = RunState.load(folder)


class _Updates:
    """An iterable without a length, so that transformers counts updates alone."""

    def __init__(self, trainer: CtcTrainer) -> None:
        self._trainer = trainer

    def __iter__(self) -> Iterator[list[Batch]]:
        return self._trainer.feed.updates(self._trainer.state.global_step)
