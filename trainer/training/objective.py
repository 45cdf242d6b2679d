"""What a training minimises: the loss of each utterance, and what their sum is divided by."""

from dataclasses import dataclass
from typing import Protocol

import torch

from trainer.training.batches import Batch
from trainer.training.loss import loss_share, utterance_losses


class Objective(Protocol):
    """The loss of an update is the sum of its losses over the sum of its sizes."""

    def size(self, batch: Batch) -> int:
        """Returns the size of a batch, a count of tokens, frames or utterances."""
        ...

    def losses(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Returns the loss of each utterance, fp32 [items], from logits [items, frames, tokens]."""
        ...


@dataclass(frozen=True, slots=True)
class CtcObjective:
    """The CTC loss against the texts, per token or per utterance (`loss_per` of a recipe)."""

    blank: int
    zero_infinity: bool
    per: str

    def size(self, batch: Batch) -> int:
        """Returns the target tokens of a batch, or its utterances."""
        return loss_share(batch, self.per)[1]

    def losses(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Returns the negative log-likelihood of each text, [items]."""
        losses = utterance_losses(logits, batch, blank=self.blank, zero_infinity=self.zero_infinity)
        return losses * loss_share(batch, self.per)[0].to(losses.device)
