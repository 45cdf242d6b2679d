"""Divides utterances into train, valid and test; no speaker and no recording is in two of them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from app.splits import assign_splits
from trainer.errors import DataError

By = Literal["given", "speaker", "recording", "folder"]

_NAMES = {
    "train": "train", "training": "train",
    "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid",
    "test": "test", "testing": "test",
}  # fmt: skip
# A speaker or a group of them with more of the speech than this leaves too little for the others.
_LARGEST_SHARE = 0.8
_MIN_FOLDERS = 3


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an utterance is from; `seconds` is 0 where it was dropped."""

    speaker: str
    recording: str
    split: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Splits:
    """The split of each utterance, and by what they were divided.

    `test` is false where the speech was too little for a test split of its own.
    """

    names: tuple[str, ...]
    by: By
    test: bool


def divide(origins: Sequence[Origin]) -> Splits:
    """Divides utterances by the splits they have, else by speaker, else by recording.

    Valid and test get a tenth of the speech each, at most an hour. What is given is kept, and only
    what is missing is taken from train.

    Raises:
        DataError: all speech is of one recording.
    """
    given = [_NAMES.get(origin.split.strip().casefold(), "") for origin in origins]
    there: defaultdict[str, float] = defaultdict(float)
    for name, origin in zip(given, origins, strict=True):
        if name:
            there[name] += origin.seconds
    by, keys = _groups(origins)
    missing = [split for split in ("valid", "test") if not there[split]]
    free: defaultdict[str, float] = defaultdict(float)
    for name, key, origin in zip(given, keys, origins, strict=True):
        if name in {"", "train"}:
            free[key] += origin.seconds
    kept = {split: there[split] for split in ("valid", "test")}
    assigned = assign_splits(free, there=kept, fill=missing)
    absent = set(missing) - set(assigned.values())
    if "valid" in absent:
        raise DataError(
            "all speech to train on is of one recording, and a model that is measured on the "
            "recording it was trained on looks better than it is; add another recording, or "
            "give a table with a column split (train, valid, test)"
        )
    names = tuple(
        assigned[key] if name in {"", "train"} else name
        for name, key in zip(given, keys, strict=True)
    )
    return Splits(names, "given" if any(there.values()) else by, test="test" not in absent)


def _groups(origins: Sequence[Origin]) -> tuple[By, list[str]]:
    """Returns what utterances are divided by, and the group of each."""
    seconds = sum(origin.seconds for origin in origins)
    if any(origin.speaker for origin in origins):
        keys = _joined(origins)
        largest: defaultdict[str, float] = defaultdict(float)
        for key, origin in zip(keys, origins, strict=True):
            largest[key] += origin.seconds
        if largest and max(largest.values()) <= _LARGEST_SHARE * seconds:
            return "speaker", keys
    recordings = [origin.recording for origin in origins]
    folders = [str(PurePath(recording).parent) for recording in recordings]
    clips: defaultdict[str, set[str]] = defaultdict(set)
    for folder, recording in zip(folders, recordings, strict=True):
        if recording:
            clips[folder].add(recording)
    # Clips that were cut from recordings, in a folder for each of these.
    if len(clips) >= _MIN_FOLDERS and all(len(each) > 1 for each in clips.values()):
        return "folder", folders
    return "recording", recordings


def _joined(origins: Sequence[Origin]) -> list[str]:
    """Returns a group for each utterance; those of one speaker or one recording share theirs."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        parents.setdefault(name, name)
        while parents[name] != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    for origin in origins:
        recording = root(f"recording {origin.recording}")
        if origin.speaker:
            parents[recording] = root(f"speaker {origin.speaker}")
    return [root(f"recording {origin.recording}") for origin in origins]
