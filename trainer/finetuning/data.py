"""Writes a data folder of one's own speech: decoded once, filtered, divided into splits.

The audio of all splits is one file of int16 samples at 16 kHz, `speech.pcm`, of which the manifests
name the parts.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from app.catalogue.languages import NORWEGIAN, WRITTEN_NORWEGIAN, canonical_language
from app.splits import SPLITS
from trainer.data.filters import LONG, Filters
from trainer.data.prepare import facts_of, filter_candidate
from trainer.data.row_lists import RowLists
from trainer.data.tally import Measured, Tally, counts_of, listed
from trainer.errors import DataError
from trainer.finetuning.recordings import RecordingAudio, Utterance, find_utterances
from trainer.finetuning.splits import By, Origin, divide
from trainer.recipe import Recipe

AUDIO = "speech.pcm"
COUNTS = "counts.json"

_CHUNK = 64
_OTHER_LANGUAGE = "another language"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data folder that was written, save for its counts.

    `totals` are of the splits; `longest` is the longest utterance in seconds. `test` is false where
    there was too little speech for a test split, which then is that for validation.
    """

    folder: Path
    source: str
    totals: dict[str, Tally]
    by: By
    test: bool
    longest: float

    def write_counts(self, recipe: Recipe) -> dict[str, Any]:
        """Writes `counts.json`, which makes the folder complete, and returns its contents."""
        whole = Tally()
        for tally in self.totals.values():
            whole.add(tally)
        totals = self.totals if self.test else self.totals | {"test": self.totals["valid"]}
        counts = counts_of(recipe, {self.source: whole.counts()}, totals)
        if not self.test:
            counts |= {
                "dropped": dict(whole.dropped.most_common()),
                "written_out": dict(whole.written_out.most_common()),
            }
        counts |= {"split_by": self.by}
        text = json.dumps(counts, ensure_ascii=False, indent=2) + "\n"
        (self.folder / COUNTS).write_text(text, encoding="utf-8")
        found: dict[str, Any] = json.loads(text)
        return found


def prepare_speech(
    data: Path,
    folder: Path,
    *,
    language: str,
    filters: Filters,
    workers: int = 1,
    notify: Callable[[str], None] = lambda _: None,
) -> Prepared:
    """Writes `speech.pcm`, the manifests of the splits, and the lists of rows not kept as they are.

    Args:
        data: a folder or a table (`find_utterances`).
        folder: made if it is not there.
        language: da, nb or nn; rows of another one are dropped.
        filters: which rows to keep.
        workers: threads that decode.
        notify: called with a line of progress.

    Raises:
        DataError: nothing is there, nothing is left, or all is of one recording.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / COUNTS).unlink(missing_ok=True)
    source = str(data.resolve())
    notify(f"reading {data}")
    origins: list[Origin] = []
    kept: list[tuple[Measured, dict[str, Any]]] = []
    with RowLists(folder) as lists:
        for number, (utterance, item, line) in enumerate(
            _write_audio(
                find_utterances(data), folder, source, language, filters=filters, workers=workers
            ),
            1,
        ):
            if item.reason is not None:
                lists.drop(source, number, item.candidate, item.reason, item.detail)
            elif item.rules:
                lists.write_out(source, number, item.candidate, item.text, item.rules)
            origins.append(
                Origin(
                    utterance.speaker,
                    utterance.recording,
                    utterance.split,
                    0.0 if item.reason else item.seconds,
                )
            )
            kept.append((item, line))
    _check_something_left([item for item, _ in kept], lists.dropped_file, filters)
    splits = divide(origins)
    totals = {split: Tally() for split in SPLITS}
    lines: dict[str, list[str]] = {split: [] for split in SPLITS}
    for split, (item, line) in zip(splits.names, kept, strict=True):
        totals[split].count(item, filters.mode)
        if item.reason is None:
            lines[split].append(json.dumps(line, ensure_ascii=False) + "\n")
    if not splits.test:
        lines["test"] = lines["valid"]
    for split, part in lines.items():
        if not part:
            raise DataError(
                f"nothing of {split} is left; what was dropped is in {lists.dropped_file}"
            )
        (folder / f"{split}.jsonl").write_text("".join(part), encoding="utf-8")
    for split, tally in totals.items():
        if tally.kept:
            notify(f"{split}: {tally.kept:,} utterances, {tally.seconds / 3600:.2f} hours")
    dropped = sum((tally.dropped for tally in totals.values()), Counter[str]())
    if dropped:
        notify(f"dropped {sum(dropped.values()):,}: {listed(dropped)}; see {lists.dropped_file}")
    longest = max(item.seconds for item, _ in kept if item.reason is None)
    return Prepared(folder, source, totals, splits.by, splits.test, longest)


def _write_audio(
    utterances: Iterator[Utterance],
    folder: Path,
    source: str,
    language: str,
    *,
    filters: Filters,
    workers: int,
) -> Iterator[tuple[Utterance, Measured, dict[str, Any]]]:
    """Yields each utterance, what became of it, and its line of a manifest; empty if dropped."""
    first = 0
    with (folder / AUDIO).open("wb") as file, ThreadPoolExecutor(workers) as pool:
        while chunk := list(islice(utterances, _CHUNK)):
            read = pool.map(lambda one: _read(one, filters, language), chunk)
            for utterance, item in zip(chunk, read, strict=True):
                audio = item.candidate.audio
                line: dict[str, Any] = {}
                if item.reason is None and isinstance(audio, RecordingAudio):
                    samples = np.rint(audio.waveform() * 32768).clip(-32768, 32767).astype("<i2")
                    file.write(samples.tobytes())
                    place = {"audio": AUDIO, "first": first, "samples": len(samples)}
                    line = place | facts_of(item, source, language)
                    first += len(samples)
                    audio.release()
                yield utterance, item, line


def _read(utterance: Utterance, filters: Filters, language: str) -> Measured:
    candidate = utterance.candidate
    if candidate.dropped is None and not _is_language(candidate.language, language):
        candidate = replace(candidate, dropped=_OTHER_LANGUAGE, detail=candidate.language)
    elif candidate.language:
        candidate = replace(candidate, language=language)
    item = filter_candidate(candidate, filters, language)
    if item.reason is not None and isinstance(candidate.audio, RecordingAudio):
        candidate.audio.release()  # which may be hours
    return item


def _is_language(code: str, language: str) -> bool:
    """Returns whether a row's code is the language, or names none of several Norwegian ones."""
    found = canonical_language(code) if code else language
    return found == language or (found == NORWEGIAN and language in WRITTEN_NORWEGIAN)


def _check_something_left(items: list[Measured], dropped_file: Path, filters: Filters) -> None:
    if any(item.reason is None for item in items):
        return
    reasons = Counter(item.reason or "" for item in items)
    advice = ""
    if reasons.most_common(1)[0][0] == LONG:
        advice = (
            f"; utterances of up to {filters.max_seconds:g} s are needed: subtitles, annotations "
            "or a table with start and end"
        )
    raise DataError(f"nothing is left of the data: {listed(reasons)}; see {dropped_file}{advice}")
