"""Finds the transcript of each recording by the name they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.documents import DOCUMENTS, is_document
from trainer.errors import DataError


@dataclass(frozen=True, slots=True)
class Pair:
    """A recording and its transcript; `name` is their common name, with folders."""

    name: str
    recording: Path
    transcript: Path


@dataclass(frozen=True, slots=True)
class Pairs:
    """The recordings with a transcript, and the files that have no counterpart."""

    pairs: tuple[Pair, ...]
    without_transcript: tuple[Path, ...]
    without_recording: tuple[Path, ...]


def find_pairs(recordings: Path, transcripts: Path) -> Pairs:
    """Pairs two files, or the files of two folders (or of one) that differ in their suffix alone.

    Raises:
        DataError: one is missing, a file is given with a folder, two files of a folder have the
            same name, or nothing pairs.
    """
    for path in (recordings, transcripts):
        if not path.exists():
            raise DataError(f"there is no file or folder {path}")
    if recordings.is_file() and transcripts.is_file():
        _check_suffix(transcripts)
        return Pairs((Pair(recordings.stem, recordings, transcripts),), (), ())
    if recordings.is_file() or transcripts.is_file():
        raise DataError("give a recording and its transcript, or a folder of each")
    texts = _by_name(transcripts, [file for file in _files(transcripts) if is_document(file)])
    sounds = _by_name(recordings, [file for file in _files(recordings) if not is_document(file)])
    pairs = tuple(
        Pair(name, sounds[name], texts[name]) for name in sorted(sounds.keys() & texts.keys())
    )
    if not pairs:
        raise DataError(
            f"no recording of {recordings} has a transcript in {transcripts}: they pair by name, "
            f"as in meeting.mp3 and meeting.txt; transcripts are {', '.join(DOCUMENTS)}"
        )
    return Pairs(
        pairs,
        tuple(sounds[name] for name in sorted(sounds.keys() - texts.keys())),
        tuple(texts[name] for name in sorted(texts.keys() - sounds.keys())),
    )


def _files(folder: Path) -> list[Path]:
    return sorted(
        file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")
    )


def _check_suffix(transcript: Path) -> None:
    if not is_document(transcript):
        raise DataError(
            f"{transcript} is no transcript that can be read; accepted are {', '.join(DOCUMENTS)}"
        )


def _by_name(folder: Path, files: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        name = file.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise DataError(f"{found[name]} and {file} have the same name; which is meant?")
        found[name] = file
    return found
