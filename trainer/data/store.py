"""A folder of spoken sentences: one int16 array and one JSON line per utterance, per split.

Written once by synthesis, memory-mapped by training, so that hours of audio cost no memory.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.errors import DataError

SAMPLE_RATE = 16000

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Utterance:
    """One spoken sentence; `start` and `samples` are its place in the split's array.

    `word_starts` and `word_ends` are seconds from the utterance's own beginning, one for each
    word; `augmentation` names what happened to the speech.
    """

    text: str
    start: int
    samples: int
    speaker: str
    rate: int
    pitch: int
    word_starts: tuple[float, ...]
    word_ends: tuple[float, ...] = ()
    augmentation: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return self.samples / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Split:
    """The utterances of one split; `audio` is int16 at 16 kHz, all of them one after another."""

    utterances: tuple[Utterance, ...]
    audio: Pcm

    def waveform(self, index: int) -> npt.NDArray[np.float32]:
        """Returns utterance `index` as float32 in -1..1."""
        item = self.utterances[index]
        block: Pcm = self.audio[item.start : item.start + item.samples]
        return block.astype(np.float32) / np.float32(32768)

    @property
    def seconds(self) -> float:
        """Length of all audio."""
        return sum(item.samples for item in self.utterances) / SAMPLE_RATE


def write_split(
    folder: Path, name: str, items: Iterable[tuple[Utterance, Pcm]]
) -> tuple[int, float]:
    """Writes utterances (their `start` is filled in here) and returns their number and seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    place = count = 0
    with (
        (folder / f"{name}.pcm").open("wb") as audio,
        (folder / f"{name}.jsonl").open("w", encoding="utf-8") as manifest,
    ):
        for item, samples in items:
            record = asdict(item) | {"start": place, "samples": len(samples)}
            audio.write(samples.astype("<i2").tobytes())
            manifest.write(json.dumps(record, ensure_ascii=False) + "\n")
            place += len(samples)
            count += 1
    return count, place / SAMPLE_RATE


def read_split(folder: Path, name: str) -> Split:
    """Opens one split of a data folder.

    Raises:
        DataError: a file is missing, or manifest and audio do not belong together.
    """
    audio, manifest = folder / f"{name}.pcm", folder / f"{name}.jsonl"
    for file in (audio, manifest):
        if not file.is_file():
            raise DataError(f"{file} is missing; make it with `python -m trainer synthesise`")
    utterances = tuple(_read_manifest(manifest))
    expected = 2 * sum(item.samples for item in utterances)
    if audio.stat().st_size != expected or not expected:
        raise DataError(f"{audio} holds {audio.stat().st_size} bytes, {manifest} has {expected}")
    return Split(utterances, np.memmap(audio, dtype="<i2", mode="r"))


def _read_manifest(path: Path) -> Iterator[Utterance]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            lists = {key: tuple(value) for key, value in record.items() if isinstance(value, list)}
            yield Utterance(**(record | lists))
