"""The loss of a distillation: Kullback-Leibler divergence of emissions, and CTC."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from trainer.data import Record
from trainer.model import BLANK
from trainer.recipe import DistillationRecipe
from trainer.training.batches import Batch
from trainer.training.devices import Devices
from trainer.training.disk import writing
from trainer.training.framing import Framing
from trainer.training.kept_emissions import KeptEmissions
from trainer.training.loss import autocast, utterance_losses
from trainer.training.teacher import Teacher


@dataclass(frozen=True, slots=True)
class DistillationObjective:
    """Makes a student emit what its teacher emits.

    Of each frame the divergence KL(teacher ‖ student) in nats, of both softened by a temperature
    and times its square, so that the size of the gradient stays; of each utterance the CTC loss of
    a text, weighted. Both are summed over the utterance and divided by the frames of an update.
    Frames are compared one by one, so that the student learns the alignment of the teacher too,
    and audio without texts will do (Hinton, Vinyals and Dean 2015, arXiv:1503.02531; for CTC,
    Hilmes, Rossenbach and Schlüter 2025, arXiv:2506.01503). The teacher sees the whole waveform:
    SpecAugment hides from the student alone.

    Args:
        teacher: has the tokens of the student.
        offset: the teacher's frame that lies on the student's frame 0.
        ctc_weight: of the CTC loss; 0 leaves it out.
        from_texts: take the texts of the data for CTC; else what the teacher reads, greedily.
        precision: of the teacher's computation: fp16, bf16 or fp32.
        temperature: what logits are divided by in the divergence.
        kept: the teacher's emissions where they are computed already; it then computes none.
    """

    teacher: Teacher
    offset: int
    ctc_weight: float
    from_texts: bool
    precision: str
    temperature: float = 1.0
    kept: KeptEmissions | None = None

    def size(self, batch: Batch) -> int:
        """Returns the frames of a batch, without padding."""
        return int(batch.frames.sum())

    def losses(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Returns the loss of each utterance in nats, fp32 [items]."""
        frames = batch.frames.to(logits.device)
        known, known_frames = self._logits(batch)
        place = torch.arange(logits.shape[1], device=logits.device) + self.offset
        last = (known_frames.to(logits.device) - 1)[:, None]
        place = torch.minimum(place.clamp(min=0)[None], last)
        target = known.gather(1, place[..., None].expand(-1, -1, known.shape[2]))
        target = (target / self.temperature).log_softmax(-1)
        emissions = (logits.float() / self.temperature).log_softmax(-1)
        divergence = (target.exp() * (target - emissions)).sum(-1) * self.temperature**2
        real = torch.arange(logits.shape[1], device=logits.device) < frames[:, None]
        losses = (divergence * real).sum(-1)
        if not self.ctc_weight:
            return losses
        texts = batch if self.from_texts else self._read(known, known_frames, batch)
        blank = self.teacher.tokens.index(BLANK)
        return losses + self.ctc_weight * utterance_losses(
            logits, texts, blank=blank, zero_infinity=True
        )

    @torch.no_grad()
    def _logits(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the teacher's logits, fp32 [items, frames, tokens], and its frames.

        Those that are kept are log-probabilities, which have the same softmax.
        """
        if self.kept is not None:
            return self.kept.of_batch(batch)
        framing = self.teacher.framing
        frames = torch.tensor([framing.frames(length) for length in batch.lengths.tolist()])
        with autocast(self.precision, batch.waveforms.device):
            logits = self.teacher.network(batch.waveforms, frames)
        return logits.float(), frames

    def _read(self, known: torch.Tensor, frames: torch.Tensor, batch: Batch) -> Batch:
        """Returns the batch with the paths that the teacher reads as its targets."""
        paths = known.argmax(-1).cpu()
        targets = [
            self.teacher.targets(path[:length].tolist())
            for path, length in zip(paths, frames.tolist(), strict=True)
        ]
        flat = torch.tensor([token for target in targets for token in target], dtype=torch.long)
        return replace(
            batch,
            targets=flat.to(batch.waveforms.device),
            target_lengths=torch.tensor([len(target) for target in targets]),
        )


def distillation_objective(
    teacher: Teacher,
    numbers: DistillationRecipe,
    records: Sequence[Record],
    framing: Framing,
    precision: str,
    *,
    cache: Path,
    devices: Devices,
    notify: Callable[[str], None] = lambda _: None,
) -> DistillationObjective:
    """Returns the loss that a recipe describes.

    Args:
        teacher: what emits.
        numbers: of the recipe.
        records: the training split.
        framing: of the student.
        precision: fp16, bf16 or fp32.
        cache: folder for the teacher's emissions where they are computed once; the first device
            computes them, and the others read them.
        devices: this process's device among all.
        notify: called with a line before they are computed.

    Raises:
        DataError: teacher and student have frames of other lengths, or audio cannot be read.
        TrainingError: the emissions cannot be written.
    """
    kept = None
    offset = teacher.offset(framing)
    if numbers.precompute:
        notify(f"computing what {teacher.start.name} emits for {len(records):,} utterances")
        if not devices.first:
            devices.wait()
        with writing(cache):
            kept = KeptEmissions.of(teacher.folder, records, cache)
        if devices.first:
            devices.wait()
    return DistillationObjective(
        teacher,
        offset=offset,
        ctc_weight=numbers.ctc_weight,
        from_texts=numbers.texts == "data" and all(record.text for record in records),
        precision=precision,
        temperature=numbers.temperature,
        kept=kept,
    )
