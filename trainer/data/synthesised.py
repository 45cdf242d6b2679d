"""Reads a folder written by `synthesise`, as records or as candidates."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainer.data.audio import PcmAudio
from trainer.data.candidate import Candidate
from trainer.data.record import Record
from trainer.data.store import SAMPLE_RATE
from trainer.errors import DataError, RecipeError
from trainer.recipe import load_recipe

_SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class SynthesisedSource:
    """A folder of synthesised speech as a source, to be mixed with others."""

    folder: Path

    def candidates(self, split: str) -> Iterator[Candidate]:
        """Yields every utterance.

        Raises:
            DataError: a file is missing or broken, or manifest and audio do not belong together.
        """
        for record, audio in _utterances(self.folder, split):
            yield Candidate(audio, record.text, record.language, record.speaker)

    def note(self, split: str) -> str | None:  # noqa: ARG002 - true of every split
        """Returns the remark that no person spoke this."""
        return "synthesised speech"


def read_synthesised(folder: Path, split: str) -> list[Record]:
    """Opens one split of a folder of synthesised speech.

    Raises:
        DataError: a file is missing or broken, or manifest and audio do not belong together.
    """
    return [record for record, _ in _utterances(folder, split)]


def _utterances(folder: Path, split: str) -> list[tuple[Record, PcmAudio]]:
    audio, manifest = folder / f"{split}.pcm", folder / f"{split}.jsonl"
    for file in (audio, manifest):
        if not file.is_file():
            raise DataError(f"{file} is missing; make it with `python -m trainer synthesise`")
    language = _language(folder)
    utterances, samples = [], 0
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
            utterances.append((record, place))
            samples += place.samples
    expected = _SAMPLE_BYTES * samples
    if audio.stat().st_size != expected or not expected:
        raise DataError(f"{audio} holds {audio.stat().st_size} bytes, {manifest} has {expected}")
    return utterances


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
