"""Writes the manifest of a split and, on request, its audio joined in one file."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from trainer.data.audio import ExcerptAudio, PlacedAudio

_UNFINISHED = ".part"


class Writer:
    """Writes one split under unfinished names; `finish` renames it.

    Args:
        folder: the data folder.
        split: train, valid or test.
        copy: whether to copy the encoded audio into the folder. Parts of longer files, such
            as annotated recordings, stay where they are.
    """

    def __init__(self, folder: Path, split: str, *, copy: bool) -> None:
        self._manifest = _unfinished(folder / f"{split}.jsonl").open("w", encoding="utf-8")
        self._copy = copy
        self._name = f"{split}.audio"
        self._audio = _unfinished(folder / self._name).open("wb")
        self._offset = 0

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._manifest.close()
        self._audio.close()

    def write(self, audio: PlacedAudio, facts: dict[str, Any]) -> None:
        """Writes one line, the place of the audio before the other facts.

        Raises:
            DataError: the audio is to be copied and cannot be read.
        """
        place = audio.place()
        place["audio"] = str(Path(place["audio"]).resolve())
        data = audio.encoded() if self._copy else None
        if data is not None:
            self._audio.write(data)
            place = ExcerptAudio(Path(self._name), self._offset, len(data)).place()
            self._offset += len(data)
        self._manifest.write(json.dumps(place | facts, ensure_ascii=False) + "\n")


def finish(folder: Path, split: str) -> None:
    """Replaces the earlier files by those that were written."""
    manifest, audio = folder / f"{split}.jsonl", folder / f"{split}.audio"
    if _unfinished(audio).stat().st_size:
        _unfinished(audio).replace(audio)
    else:
        _unfinished(audio).unlink()
        audio.unlink(missing_ok=True)
    _unfinished(manifest).replace(manifest)


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + _UNFINISHED)
