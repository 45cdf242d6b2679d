"""A folder written by `synthesise` in, records out; each reads its own samples when asked."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.data.record import Record, Waveform
from trainer.data.store import SAMPLE_RATE
from trainer.errors import DataError, RecipeError
from trainer.recipe import load_recipe

_SAMPLE_BYTES = 2
_FULL_SCALE = 32768


@dataclass(frozen=True, slots=True)
class PcmAudio:
    """A stretch of a file of int16 samples at 16 kHz; small, so that it crosses processes."""

    file: Path
    start: int
    samples: int

    def waveform(self) -> Waveform:
        """Read the samples.

        Raises:
            DataError: the file is gone or shorter than its manifest says.
        """
        try:
            pcm = np.fromfile(
                self.file, dtype="<i2", count=self.samples, offset=_SAMPLE_BYTES * self.start
            )
        except OSError as error:
            raise DataError(f"{self.file} cannot be read: {error.strerror}") from error
        if len(pcm) != self.samples:
            raise DataError(f"{self.file} ends before sample {self.start + self.samples}")
        return pcm.astype(np.float32) / _FULL_SCALE


def read_synthesised(folder: Path, split: str) -> list[Record]:
    """Open one split of a folder of synthesised speech.

    Raises:
        DataError: a file is missing or broken, or manifest and audio do not belong together.
    """
    audio, manifest = folder / f"{split}.pcm", folder / f"{split}.jsonl"
    for file in (audio, manifest):
        if not file.is_file():
            raise DataError(f"{file} is missing; make it with `python -m trainer synthesise`")
    language = _language(folder)
    records, samples = [], 0
    with manifest.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                place = PcmAudio(audio, int(entry["start"]), int(entry["samples"]))
                record = Record(
                    audio=place,
                    text=entry["text"],
                    language=language,
                    split=split,
                    speaker=entry["speaker"],
                    seconds=place.samples / SAMPLE_RATE,
                )
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{manifest}, line {number} is no utterance: {error!r}") from error
            records.append(record)
            samples += place.samples
    expected = _SAMPLE_BYTES * samples
    if audio.stat().st_size != expected or not expected:
        raise DataError(f"{audio} holds {audio.stat().st_size} bytes, {manifest} says {expected}")
    return records


def _language(folder: Path) -> str:
    # The counts name the language, or in folders made before they did, the recipe.
    file = folder / "counts.json"
    if not file.is_file():
        return ""
    try:
        counts = json.loads(file.read_text(encoding="utf-8"))
        return str(counts.get("language") or load_recipe(counts["recipe"]).language)
    except (ValueError, KeyError, RecipeError):
        return ""
