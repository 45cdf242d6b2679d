"""A model and the validation split in, its loss per token and greedy WER out."""

from collections.abc import Sequence

import jiwer
import torch
from transformers import Wav2Vec2ForCTC

from trainer.data import Record
from trainer.model import collapse
from trainer.training.batches import collate
from trainer.training.loss import autocast, frame_counts, utterance_losses

_BATCH = 8


@torch.inference_mode()
def validate(
    model: Wav2Vec2ForCTC,
    records: Sequence[Record],
    tokens: tuple[str, ...],
    *,
    precision: str,
    device: int = 0,
    devices: int = 1,
) -> tuple[float, float]:
    """Return the CTC loss per token and the greedy WER over the records, of all devices.

    Args:
        model: to measure; left in evaluation mode.
        records: what to measure on.
        tokens: of the model's head.
        precision: fp16, bf16 or fp32.
        device: number of this device among `devices`, which share the work.
        devices: how many there are.
    """
    model.eval()  # type: ignore[no-untyped-call]
    order = sorted(range(len(records)), key=lambda index: records[index].seconds)
    loss, count = 0.0, 0
    answers: list[tuple[str, str]] = []
    for start in range(device * _BATCH, len(order), devices * _BATCH):
        indexes = order[start : start + _BATCH]
        batch = collate(records, indexes, tokens=tokens).to(model.device)
        with autocast(precision, model.device):
            logits = model(batch.waveforms, attention_mask=batch.mask).logits
        loss += float(utterance_losses(logits, batch, model.config).sum())
        count += int(batch.target_lengths.sum())
        frames = frame_counts(model.config, batch.lengths)
        for index, path, length in zip(indexes, logits.argmax(-1).cpu(), frames, strict=True):
            answers.append((records[index].text, collapse(path[:length].tolist(), tokens)))
    if devices > 1:
        parts: list[tuple[float, int, list[tuple[str, str]]] | None] = [None] * devices
        torch.distributed.all_gather_object(parts, (loss, count, answers))
        loss = sum(part[0] for part in parts if part)
        count = sum(part[1] for part in parts if part)
        answers = [answer for part in parts if part for answer in part[2]]
    references, texts = zip(*answers, strict=True)
    return loss / count, float(jiwer.wer(list(references), list(texts)))
