"""Computes the loss and the greedy WER of a model on the validation split."""

from collections.abc import Sequence

import jiwer
import torch

from trainer.data import Record
from trainer.model import BLANK, collapse
from trainer.training.batches import collate
from trainer.training.framing import Framing
from trainer.training.loss import autocast, loss_share, utterance_losses
from trainer.training.network import CtcNetwork

EVALUATION_BATCH = 8
"""Utterances of a batch."""


@torch.no_grad()
def validate(
    network: CtcNetwork,
    records: Sequence[Record],
    tokens: tuple[str, ...],
    *,
    precision: str,
    loss_per: str,
    device: int = 0,
    devices: int = 1,
) -> tuple[float, float]:
    """Returns the mean CTC loss and the greedy WER over the records, of all devices.

    Args:
        network: to measure; left in evaluation mode.
        records: what to measure on.
        tokens: of the model's head.
        precision: fp16, bf16 or fp32.
        loss_per: token or utterance.
        device: number of this device among `devices`, which share the work.
        devices: how many there are.
    """
    network.eval()
    config, place = network.model.config, network.model.device
    framing = Framing.of(config)
    order = sorted(range(len(records)), key=lambda index: records[index].seconds)
    loss, count = 0.0, 0
    answers: list[tuple[str, str]] = []
    for start in range(0, len(order), devices * EVALUATION_BATCH):
        first = start + device * EVALUATION_BATCH
        indexes = order[first : first + EVALUATION_BATCH]
        # Devices compute in step: one without records left does not count what it computes.
        batch = collate(records, indexes or order[:1], framing, tokens=tokens).to(place)
        with autocast(precision, place):
            logits = network(batch.waveforms, batch.frames)
        if not indexes:
            continue
        losses = utterance_losses(
            logits, batch, blank=tokens.index(BLANK), zero_infinity=config.ctc_zero_infinity
        )
        share, size = loss_share(batch, loss_per)
        loss += float((losses.cpu() * share).sum())
        count += size
        for index, path, length in zip(indexes, logits.argmax(-1).cpu(), batch.frames, strict=True):
            answers.append((records[index].text, collapse(path[:length].tolist(), tokens)))
    if devices > 1:
        parts: list[tuple[float, int, list[tuple[str, str]]] | None] = [None] * devices
        torch.distributed.all_gather_object(parts, (loss, count, answers))
        loss = sum(part[0] for part in parts if part)
        count = sum(part[1] for part in parts if part)
        answers = [answer for part in parts if part for answer in part[2]]
    references, texts = zip(*answers, strict=True)
    return loss / count, float(jiwer.wer(list(references), list(texts)))
