"""What a teacher emits for each record, computed once before a training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from trainer.data import Record
from trainer.evaluation.emissions import compute_emissions
from trainer.training.batches import Batch


@dataclass(frozen=True, slots=True)
class KeptEmissions:
    """Log-probabilities [frames, tokens] of each record, in fp16 and on the CPU."""

    of_records: tuple[torch.Tensor, ...]

    @classmethod
    def of(cls, teacher: Path, records: Sequence[Record], cache: Path) -> "KeptEmissions":
        """Computes them with the service's kernels, or reads them where they were computed before.

        Args:
            teacher: a checkpoint folder.
            records: in the order of the training.
            cache: folder of the file that they are kept in.

        Raises:
            CheckpointError: the folder is no CTC checkpoint.
            DataError: the audio of a record cannot be read.
        """
        found = compute_emissions(teacher, records, cache=cache)
        return cls(tuple(torch.from_numpy(item.emissions.astype(np.float16)) for item in found))

    def of_batch(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns those of a batch, fp32 [items, frames, tokens], and the frames of each item."""
        rows = [self.of_records[index] for (index,) in batch.rows]
        padded = pad_sequence(rows, batch_first=True).float()
        return padded.to(batch.waveforms.device), torch.tensor([len(row) for row in rows])
