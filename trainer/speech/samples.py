"""Writes a few test utterances as audio files, with a manifest of their texts."""

import json
from collections.abc import Iterator
from pathlib import Path

import soundfile

from trainer.data.store import SAMPLE_RATE, Split

_MIN_SECONDS, _MAX_SECONDS = 3.0, 8.0  # seconds


def write_samples(split: Split, folder: Path, *, count: int) -> list[Path]:
    """Writes FLAC files and `samples.jsonl` (the manifest of `evaluate`); returns the files.

    Taken are the first utterances of 3 to 8 s in the split's own random order, no speaker
    twice before every speaker had a turn: they were not picked for their results.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    with (folder / "samples.jsonl").open("w", encoding="utf-8") as manifest:
        for number, index in zip(range(1, count + 1), _turns(split), strict=False):
            file = folder / f"sample-{number}.flac"
            item = split.utterances[index]
            soundfile.write(file, split.waveform(index), SAMPLE_RATE, subtype="PCM_16")
            record = {"audio": file.name, "text": item.text, "speaker": item.speaker}
            manifest.write(json.dumps(record, ensure_ascii=False) + "\n")
            files.append(file)
    return files


def _turns(split: Split) -> Iterator[int]:
    waiting = [
        index
        for index, item in enumerate(split.utterances)
        if _MIN_SECONDS <= item.seconds <= _MAX_SECONDS
    ]
    while waiting:
        seen: set[str] = set()
        left: list[int] = []
        for index in waiting:
            speaker = split.utterances[index].speaker
            if speaker in seen:
                left.append(index)
            else:
                seen.add(speaker)
                yield index
        waiting = left
