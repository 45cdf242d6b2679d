"""Computes the log-probabilities of every frame of some records with a checkpoint.

Computed by the service's own encoder, in its order of lengths, and kept in a file where a
caller comes back for them: a search over decoder settings then costs no encoding.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.acoustic import AcousticModel, load_checkpoint
from app.audio import SAMPLE_RATE, plan_windows, stitch
from trainer.data.record import Record, Waveform
from trainer.evaluation.digest import ENCODER, model_digest

_BATCH_SECONDS = 60.0
_WINDOW_SECONDS = 24.0
_CONTEXT_SECONDS = 2.0
_WAVEFORMS_LOOKED_AT = 32

Emissions = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Emitted:
    """The emissions of one utterance and its reference.

    `emissions` are natural-log probabilities, float32 [frames, vocabulary]; `seconds` is the
    length of the audio. Audio too short for a single frame has none.
    """

    emissions: Emissions
    text: str
    speaker: str
    seconds: float


def compute_emissions(
    model_folder: Path, records: Sequence[Record], *, cache: Path | None = None
) -> list[Emitted]:
    """Returns the emissions of every record, in their order, computed in float32.

    Audio above 24 s is cut into windows with 2 s of context, which are the service's defaults.

    Args:
        model_folder: a checkpoint folder.
        records: what to encode.
        cache: folder to keep them in. A file there is taken only for the same weights, texts,
            lengths and (of some of the records) the same audio.

    Raises:
        CheckpointError: the folder is no CTC checkpoint.
        DataError: the audio of a record cannot be read.
    """
    file = None if cache is None else cache / f"emissions-{_fingerprint(model_folder, records)}.npz"
    if file is not None and file.is_file():
        return _load(file, records)
    emitted, _ = emit(load_checkpoint(model_folder, "auto"), records)
    if file is not None:
        _save(file, emitted)
    return emitted


def emit(model: AcousticModel, records: Sequence[Record]) -> tuple[list[Emitted], float]:
    """Encodes the records, those of like length together.

    Returns:
        The emissions in the records' order, and the seconds that the encoder alone took.
    """
    found: dict[int, Emitted] = {}
    spent = 0.0
    for group in _batches(records):
        waves = [records[index].audio.waveform() for index in group]
        began = time.perf_counter()
        answers = _encode(model, waves)
        spent += time.perf_counter() - began
        for index, wave, emissions in zip(group, waves, answers, strict=True):
            record = records[index]
            found[index] = Emitted(emissions, record.text, record.speaker, len(wave) / SAMPLE_RATE)
    return [found[index] for index in range(len(records))], spent


def _encode(model: AcousticModel, waves: Sequence[Waveform]) -> list[Emissions]:
    """Encodes each waveform as the service does: whole, or in its windows where it is long."""
    plans = [
        plan_windows(
            len(wave),
            window=round(_WINDOW_SECONDS * SAMPLE_RATE),
            context=round(_CONTEXT_SECONDS * SAMPLE_RATE),
            hop=model.hop,
            receptive_field=model.receptive_field,
        )
        for wave in waves
    ]
    whole = [index for index, plan in enumerate(plans) if len(plan) == 1]
    found = dict(zip(whole, model.emissions([waves[index] for index in whole]), strict=True))
    for index, plan in enumerate(plans):
        if len(plan) > 1:
            prepared = model.prepare(waves[index])
            parts = [model.encode([prepared[cut.start : cut.stop]])[0] for cut in plan]
            found[index] = stitch(plan, parts)
    silent = np.zeros((0, len(model.vocabulary)), np.float32)
    return [found.get(index, silent) for index in range(len(waves))]


def _batches(records: Sequence[Record]) -> Iterator[list[int]]:
    """Cuts into batches of at most a minute of padded audio, long ones first."""
    batch: list[int] = []
    for index in sorted(range(len(records)), key=lambda index: -records[index].seconds):
        longest = records[batch[0]].seconds if batch else 0.0
        if batch and longest * (len(batch) + 1) > _BATCH_SECONDS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _fingerprint(model_folder: Path, records: Sequence[Record]) -> str:
    """Names the weights and the records by a hash: of the audio, 32 utterances spread over all."""
    digest = hashlib.sha256(model_digest(model_folder, ENCODER).encode())
    for record in records:
        digest.update(f"{record.text}\0{record.speaker}\0{record.seconds}\n".encode())
    for record in records[:: max(1, len(records) // _WAVEFORMS_LOOKED_AT)]:
        digest.update(np.ascontiguousarray(record.audio.waveform()).tobytes())
    return digest.hexdigest()[:16]


def _save(file: Path, emitted: Sequence[Emitted]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.stem}.tmp.npz")
    np.savez(
        fresh,
        emissions=np.concatenate(
            [item.emissions for item in emitted] or [np.zeros((0, 0), np.float32)]
        ),
        frames=np.array([len(item.emissions) for item in emitted], np.int64),
        seconds=np.array([item.seconds for item in emitted], np.float64),
    )
    fresh.replace(file)


def _load(file: Path, records: Sequence[Record]) -> list[Emitted]:
    with np.load(file) as kept:
        emissions, seconds = kept["emissions"], kept["seconds"]
        stops = np.cumsum(kept["frames"])
    starts = np.concatenate(([0], stops[:-1]))
    return [
        Emitted(emissions[start:stop], record.text, record.speaker, float(length))
        for record, start, stop, length in zip(records, starts, stops, seconds, strict=True)
    ]
