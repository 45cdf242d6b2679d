"""Makes a data folder of recordings that nobody wrote down: pieces of them, without texts."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from trainer.data.annotations import AUDIO_SUFFIXES
from trainer.data.audio import FileAudio
from trainer.errors import DataError

_VALID_ONE_IN = 20
"""Recordings of which one is for validation; of a single recording, its pieces."""


def write_unlabelled(
    audio: Path,
    folder: Path,
    *,
    language: str,
    piece_seconds: float,
    min_seconds: float,
    notify: Callable[[str], None] = lambda _: None,
) -> dict[str, int]:
    """Writes `train.jsonl` and `valid.jsonl` of all recordings below a folder.

    They are cut every `piece_seconds`, wherever that is: what a word cut in half sounds like is
    the same for teacher and student. Nothing is copied.

    Args:
        audio: folder of recordings in WAV, FLAC, MP3, Ogg or Opus.
        folder: where the data folder goes; made if it is not there.
        language: of the recordings.
        piece_seconds: length of a piece.
        min_seconds: shorter ends are left out.
        notify: called with a line for each recording that cannot be read.

    Returns:
        How many pieces each split has.

    Raises:
        DataError: no such folder, or too little audio for two splits.
    """
    if not audio.is_dir():
        raise DataError(f"{audio} is no folder of recordings")
    by_recording: list[list[dict[str, object]]] = []
    files = sorted(path for path in audio.rglob("*") if path.is_file())
    recordings = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES]
    if others := len(files) - len(recordings):
        notify(f"{others:,} files below {audio} are none of {', '.join(AUDIO_SUFFIXES)}")
    for file in recordings:
        try:
            seconds = FileAudio(file).seconds()
        except DataError as error:
            notify(f"left out: {error}")
            continue
        pieces = _pieces(file.resolve(), seconds, piece_seconds, min_seconds)
        common = {"text": "", "language": language, "speaker": file.stem}
        by_recording.append([piece | common for piece in pieces])
    splits = _split(audio, [pieces for pieces in by_recording if pieces])
    folder.mkdir(parents=True, exist_ok=True)
    for name, pieces in splits.items():
        lines = [json.dumps(piece, ensure_ascii=False) + "\n" for piece in pieces]
        # Each process of several devices writes the same, and none may read half of it.
        fresh = folder / f".{name}.{os.getpid()}"
        fresh.write_text("".join(lines), encoding="utf-8")
        fresh.replace(folder / f"{name}.jsonl")
    return {name: len(pieces) for name, pieces in splits.items()}


def _pieces(
    file: Path, seconds: float, piece_seconds: float, min_seconds: float
) -> list[dict[str, object]]:
    pieces: list[dict[str, object]] = []
    start = 0.0
    while seconds - start >= min_seconds:
        end = min(start + piece_seconds, seconds)
        # The last sample of a file is not at a round number of seconds.
        part = {"start": start, "end": end if end < seconds else None, "seconds": end - start}
        pieces.append({"audio": str(file), **part})
        start = end
    return pieces


def _split(
    audio: Path, recordings: list[list[dict[str, object]]]
) -> dict[str, list[dict[str, object]]]:
    """Takes whole recordings for validation, by a digest of their names; at least one."""
    if len(recordings) == 1:
        recordings = [[piece] for piece in recordings[0]]
    if len(recordings) < 2:  # noqa: PLR2004 - one for each split
        raise DataError(f"{audio} has too little audio for training and validation")

    def rank(pieces: list[dict[str, object]]) -> str:
        name = f"{Path(str(pieces[0]['audio'])).name} {pieces[0]['start']}"
        return hashlib.sha256(name.encode()).hexdigest()

    ordered = sorted(recordings, key=rank)
    count = max(1, len(ordered) // _VALID_ONE_IN)
    return {
        "train": [piece for pieces in ordered[count:] for piece in pieces],
        "valid": [piece for pieces in ordered[:count] for piece in pieces],
    }
