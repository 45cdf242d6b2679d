"""A checkpoint folder and test speech in, word and character error rates out.

The speech goes the way of the service: its audio decoder, its encoder, its text decoder.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import numpy.typing as npt

from app.acoustic import AcousticModel, load_checkpoint
from app.audio import SAMPLE_RATE, AudioLimits, decode_audio
from app.decoding import GreedyDecoder
from app.errors import NordlydError
from app.text import normalise
from trainer.data.store import Split
from trainer.errors import DataError

_BATCH = 8
_LONGEST_SECONDS = 120.0

Speech = tuple[npt.NDArray[np.float32], str]
"""A waveform at 16 kHz and what is said in it."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Error rates as fractions (0.05 is 5 %), over so many utterances and seconds of audio."""

    greedy_wer: float
    greedy_cer: float
    utterances: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


def transcribe(model: AcousticModel, waveforms: Sequence[npt.NDArray[np.float32]]) -> list[str]:
    """Return the greedy text of each waveform."""
    decoder = GreedyDecoder(model.vocabulary)
    frame_seconds = model.hop / SAMPLE_RATE
    return [
        decoder.decode(
            emissions, frame_seconds=frame_seconds, duration=len(wave) / SAMPLE_RATE
        ).text
        for wave, emissions in zip(waveforms, model.emissions(waveforms), strict=True)
    ]


def evaluate(folder: Path, speech: Iterable[Speech]) -> Evaluation:
    """Transcribe everything in fp32 and compare, by jiwer's standard denominator.

    Args:
        folder: checkpoint folder.
        speech: waveforms and references; references are normalised as in training.

    Raises:
        CheckpointError: the folder is no CTC checkpoint.
        DataError: there is no speech.
    """
    model = load_checkpoint(folder)
    references: list[str] = []
    texts: list[str] = []
    samples = 0
    for group in _groups(speech):
        waves = [wave for wave, _ in group]
        texts += transcribe(model, waves)
        references += [normalise(text) for _, text in group]
        samples += sum(len(wave) for wave in waves)
    if not references:
        raise DataError("there is nothing to evaluate")
    return Evaluation(
        greedy_wer=float(jiwer.wer(references, texts)),
        greedy_cer=float(jiwer.cer(references, texts)),
        utterances=len(references),
        seconds=round(samples / SAMPLE_RATE, 1),
    )


def _groups(speech: Iterable[Speech]) -> Iterator[list[Speech]]:
    items = iter(speech)
    while group := list(islice(items, _BATCH)):
        yield group


def split_speech(split: Split) -> Iterator[Speech]:
    """Yield the utterances of a data folder's split."""
    for index, utterance in enumerate(split.utterances):
        yield split.waveform(index), utterance.text


def manifest_speech(manifest: Path) -> Iterator[Speech]:
    """Yield the utterances of JSON lines with `audio` (a path from the manifest) and `text`.

    Raises:
        DataError: a line is no such record, or its audio cannot be read.
    """
    if not manifest.is_file():
        raise DataError(f"there is no manifest {manifest}")
    for number, line in enumerate(manifest.read_text(encoding="utf-8").splitlines(), start=1):
        where = f"{manifest}, line {number}"
        try:
            record = json.loads(line)
            path, text = manifest.parent / record["audio"], str(record["text"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f'{where} is no {{"audio": …, "text": …}}') from error
        try:
            recording = decode_audio(path, raw=None, limits=AudioLimits(_LONGEST_SECONDS))
        except (NordlydError, OSError) as error:
            raise DataError(f"{where}: {error}") from error
        yield recording.slice(0, recording.samples), text
