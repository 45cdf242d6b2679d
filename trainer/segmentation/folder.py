"""Writes a data folder of segmented recordings: audio files, manifests, lists and a report.

All is written aside and put in place whole, so that a run that fails leaves no folder behind.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soundfile

from app.audio import SAMPLE_RATE
from app.splits import SPLITS, assign_splits
from trainer.data import Waveform
from trainer.data.audio import FileAudio
from trainer.data.candidate import Candidate
from trainer.data.row_lists import RowLists
from trainer.errors import DataError
from trainer.segmentation.pairs import Pair
from trainer.segmentation.segment import Piece, Segments
from trainer.segmentation.written import Written

_AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class Cut:
    """A segmented recording: `files` are those of its pieces, relative to the data folder."""

    pair: Pair
    segments: Segments
    files: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Length of all pieces."""
        return sum(piece.seconds for piece in self.segments.pieces)


@dataclass(slots=True)
class Folder:
    """A data folder while it is written."""

    path: Path
    language: str
    lists: RowLists
    cuts: list[Cut] = field(default_factory=list)

    def add(self, pair: Pair, wave: Waveform, written: Written, segments: Segments) -> None:
        """Writes the pieces of a recording as FLAC, and lists what was left out or written out."""
        files = []
        for number, piece in enumerate(segments.pieces, start=1):
            name = f"{_AUDIO}/{pair.name}-{number:04}.flac"
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            part = wave[round(piece.start * SAMPLE_RATE) : round(piece.end * SAMPLE_RATE)]
            soundfile.write(file, part, SAMPLE_RATE, subtype="PCM_16")
            files.append(name)
        recording = pair.recording.resolve()
        for number, item in enumerate(segments.left_out, start=1):
            audio = None
            if item.end > item.start:
                audio = FileAudio(recording, round(item.start, 3), round(item.end, 3))
            candidate = Candidate(audio, item.text, self.language, "")
            self.lists.drop(pair.name, number, candidate, item.reason, item.read)
        for number, changed in enumerate(written.changed, start=1):
            candidate = Candidate(None, changed.before, self.language, "")
            self.lists.write_out(pair.name, number, candidate, changed.after, changed.rules)
        self.cuts.append(Cut(pair, segments, tuple(files)))

    def write_manifests(self) -> dict[str, list[Cut]]:
        """Writes one manifest for each split that has recordings; returns them by split."""
        kept = {cut.pair.name: cut.seconds for cut in self.cuts if cut.files}
        fill = ("valid", "test") if len(kept) >= len(SPLITS) else ()
        splits = assign_splits(kept, fill=fill)
        found: dict[str, list[Cut]] = {}
        for cut in self.cuts:
            if cut.files:
                found.setdefault(splits[cut.pair.name], []).append(cut)
        for split, cuts in found.items():
            lines = "".join(
                json.dumps(line, ensure_ascii=False) + "\n"
                for cut in cuts
                for line in self._lines(cut)
            )
            (self.path / f"{split}.jsonl").write_text(lines, encoding="utf-8")
        return found

    def write_counts(self, counts: Mapping[str, Any]) -> None:
        """Writes `counts.json`."""
        text = json.dumps(counts, ensure_ascii=False, indent=2)
        (self.path / "counts.json").write_text(f"{text}\n", encoding="utf-8")

    def _lines(self, cut: Cut) -> Iterator[dict[str, Any]]:
        for file, piece in zip(cut.files, cut.segments.pieces, strict=True):
            yield {
                "audio": file,
                "text": piece.text,
                "language": self.language,
                "speaker": "",
                "seconds": round(_samples(piece) / SAMPLE_RATE, 4),
                "source": cut.pair.name,
                "score": round(piece.score, 4),
                "doubt": round(piece.doubt.value, 4),
                "recording": str(cut.pair.recording.resolve()),
                "recording_start": round(piece.start, 3),
                "recording_end": round(piece.end, 3),
            }


@contextmanager
def open_folder(output: Path, language: str) -> Iterator[Folder]:
    """Makes a data folder, which is there once the block ends without an error.

    Raises:
        DataError: there is something already.
    """
    check_output(output)
    unfinished = output.with_name(f"{output.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        with RowLists(unfinished) as lists:
            yield Folder(unfinished, language, lists)
        if output.is_dir():
            output.rmdir()
        unfinished.replace(output)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def check_output(output: Path) -> None:
    """Raises where a data folder cannot be made.

    Raises:
        DataError: there is a file, or a folder that holds something.
    """
    if output.is_dir() and not any(output.iterdir()):
        return
    if output.exists():
        raise DataError(f"{output} is there already; choose another folder, or remove it first")


def left_out_counts(cuts: Sequence[Cut]) -> dict[str, dict[str, float]]:
    """Returns how many parts, seconds of speech and written words were left out, by reason."""
    counts: dict[str, dict[str, float]] = {}
    for cut in cuts:
        for item in cut.segments.left_out:
            own = counts.setdefault(item.reason, {"parts": 0, "seconds": 0.0, "words": 0})
            own["parts"] += 1
            own["seconds"] = round(own["seconds"] + item.end - item.start, 2)
            own["words"] += len(item.text.split())
    return counts


def _samples(piece: Piece) -> int:
    return round(piece.end * SAMPLE_RATE) - round(piece.start * SAMPLE_RATE)
