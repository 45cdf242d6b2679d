"""Writes a data folder that the trainer reads: audio, and a manifest for each split.

`train.jsonl`, `valid.jsonl` and `test.jsonl` have an utterance a line, with the place of its audio
in `audio/`. All of one recording is in one split, and stays in it when the folder is written again.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import soundfile

from app.audio import SAMPLE_RATE, Samples
from app.splits import SPLITS, assign_splits

_AUDIO = "audio"
_PART = ".part"


@dataclass(frozen=True, slots=True)
class TrainingLine:
    """One utterance; times in seconds from the start of its recording.

    Attributes:
        start: where its audio begins.
        end: where its audio ends.
        text: what is said.
        language: code of the language.
        speaker: a label within the recording; empty where speakers are not told apart.
        confidence: how sure the model was of it, in 0..1.
        changed: whether a person wrote something else than the model.
    """

    start: float
    end: float
    text: str
    language: str
    speaker: str
    confidence: float
    changed: bool = False


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What a split has; `seconds` are those of its lines."""

    recordings: int
    lines: int
    changed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class FolderSummary:
    """What was written; `splits` has those that are not empty, by their names."""

    splits: Mapping[str, SplitSummary]

    @property
    def lines(self) -> int:
        """How many utterances there are."""
        return sum(split.lines for split in self.splits.values())


@dataclass(frozen=True, slots=True)
class _Recording:
    digest: str
    name: str
    lines: Sequence[TrainingLine]


@dataclass(slots=True)
class DataFolder:
    """A data folder that is being written; `finish` writes the manifests.

    Args:
        folder: is made where it is missing. Manifests that are there say which recordings were in
            which split; their audio is deleted where it is not added again.
        sure_first: whether the lines that a model is surest of come first, instead of last.
    """

    folder: Path
    sure_first: bool = False
    _recordings: dict[str, _Recording] = field(default_factory=dict)

    def add(self, name: str, digest: str, samples: Samples, lines: Sequence[TrainingLine]) -> None:
        """Writes the audio of a recording.

        Args:
            name: names its file; letters, digits, `-` and `_`.
            digest: of the recording's content: equal recordings are in one split.
            samples: float32 [samples] at 16 kHz.
            lines: to be written by `finish`, one or more.

        Raises:
            OSError: it cannot be written.
        """
        audio = self.folder / _AUDIO
        audio.mkdir(parents=True, exist_ok=True)
        file = audio / f"{name}.flac"
        part = file.with_name(file.name + _PART)
        soundfile.write(part, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        part.replace(file)
        # Durations of transcripts are rounded.
        length = len(samples) / SAMPLE_RATE
        whole = [replace(line, end=min(line.end, length)) for line in lines]
        self._recordings[name] = _Recording(digest, name, whole)

    def finish(self) -> FolderSummary:
        """Writes the manifests, and deletes audio that is in none.

        Lines are in the order of their confidence: those that a model is least sure of first, or
        last with `sure_first`.

        Raises:
            OSError: they cannot be written.
        """
        seconds: defaultdict[str, float] = defaultdict(float)
        for recording in self._recordings.values():
            seconds[recording.digest] += _seconds(recording.lines)
        assigned = _assign(seconds, self._known())
        summaries = {}
        for split in SPLITS:
            chosen = [item for item in self._recordings.values() if assigned[item.digest] == split]
            self._write(split, chosen)
            if chosen:
                summaries[split] = _summary(chosen)
        for file in (self.folder / _AUDIO).glob("*"):
            if file.name.removesuffix(_PART).removesuffix(".flac") not in self._recordings:
                file.unlink(missing_ok=True)
        return FolderSummary(summaries)

    def _write(self, split: str, recordings: Sequence[_Recording]) -> None:
        manifest = self.folder / f"{split}.jsonl"
        if not recordings:
            manifest.unlink(missing_ok=True)
            return
        pairs = [(recording, line) for recording in recordings for line in recording.lines]
        pairs.sort(key=lambda pair: pair[1].confidence, reverse=self.sure_first)
        part = manifest.with_name(manifest.name + _PART)
        with part.open("w", encoding="utf-8") as file:
            for recording, line in pairs:
                file.write(json.dumps(_entry(recording, line), ensure_ascii=False) + "\n")
        part.replace(manifest)

    def _known(self) -> dict[str, str]:
        """Returns the split of each recording that the manifests of before have."""
        known = {}
        for split in SPLITS:
            try:
                text = (self.folder / f"{split}.jsonl").read_text("utf-8")
            except (FileNotFoundError, UnicodeDecodeError):
                continue
            for line in text.splitlines():
                try:
                    known[str(json.loads(line)["recording"])] = split
                except (ValueError, KeyError, TypeError):
                    # A manifest of another origin says nothing of our recordings.
                    continue
        return known


def _assign(seconds: Mapping[str, float], known: Mapping[str, str]) -> dict[str, str]:
    """Returns the split of each recording; those that have one already stay in it."""
    assigned = {digest: known[digest] for digest in seconds.keys() & known.keys()}
    there: defaultdict[str, float] = defaultdict(float)
    for digest, split in assigned.items():
        there[split] += seconds[digest]
    new = {digest: length for digest, length in seconds.items() if digest not in assigned}
    return assigned | assign_splits(new, there=there)


def _entry(recording: _Recording, line: TrainingLine) -> dict[str, object]:
    speaker = recording.digest[:12]
    start, end = round(line.start, 3), round(line.end, 3)
    return {
        "audio": f"{_AUDIO}/{recording.name}.flac",
        "start": start,
        "end": end,
        "text": line.text,
        "language": line.language,
        # Who speaks in another recording is not known.
        "speaker": f"{speaker}/{line.speaker}" if line.speaker else speaker,
        "seconds": round(end - start, 3),
        "recording": recording.digest,
        "confidence": round(line.confidence, 4),
        "changed": line.changed,
    }


def _summary(recordings: Sequence[_Recording]) -> SplitSummary:
    lines = [line for recording in recordings for line in recording.lines]
    return SplitSummary(
        recordings=len(recordings),
        lines=len(lines),
        changed=sum(line.changed for line in lines),
        seconds=round(_seconds(lines), 3),
    )


def _seconds(lines: Sequence[TrainingLine]) -> float:
    return sum(line.end - line.start for line in lines)
