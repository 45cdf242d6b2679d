"""Writes a data folder: one manifest for each split, counts, and lists of the rows not kept as is.

A manifest line refers to the audio where it lies, unless copies are requested. All audio is
decoded once here, so that lengths are exact and training meets no broken audio.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from app.splits import SPLITS
from trainer.data import filters as reasons
from trainer.data.candidate import Candidate
from trainer.data.filters import Filters, filters_of
from trainer.data.row_lists import RowLists
from trainer.data.sources import open_source
from trainer.data.tally import Measured, Tally, counts_of, listed
from trainer.data.writer import Writer, finish
from trainer.errors import DataError
from trainer.recipe import Recipe

_CHUNK = 256
_REPORT_EVERY_SECONDS = 30.0


def prepare(
    recipe: Recipe,
    output: Path,
    *,
    folders: Mapping[str, Path] | None = None,
    copy: bool = False,
    workers: int = 1,
    notify: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Writes `{train,valid,test}.jsonl` and `counts.json` of a recipe; returns the counts.

    `dropped.jsonl` has every row that was dropped, with its reason, and `written_out.jsonl` every
    row that rules changed.

    Args:
        recipe: names the sources and the filters.
        output: data folder.
        folders: where sources are, by name; the others come from the hub.
        copy: whether to put the encoded audio of each split into `{split}.audio`, so that the
            folder can be moved and a single utterance is read without its row group.
        workers: threads that decode.
        notify: called with a line of progress.

    Raises:
        DataError: a source is not available, or nothing of a split is left.
    """
    folders = folders or {}
    references = {split: getattr(recipe.data, split) for split in SPLITS}
    # Refuse a wrong name before hours of another source are read.
    for reference in {name for names in references.values() for name in names}:
        open_source(reference, folders)
    if spoken := [split for split in SPLITS if (output / f"{split}.pcm").exists()]:
        raise DataError(f"{output} holds synthesised speech ({spoken[0]}.pcm); choose another")
    output.mkdir(parents=True, exist_ok=True)
    sources: dict[str, dict[str, Any]] = {}
    totals: dict[str, Tally] = {}
    with RowLists(output) as lists:
        for split, names in references.items():
            total = totals[split] = Tally()
            with Writer(output, split, copy=copy) as writer:
                for name in names:
                    tally, facts = _read_source(
                        name,
                        writer,
                        lists,
                        recipe,
                        folders=folders,
                        workers=workers,
                        notify=notify,
                    )
                    sources[name] = facts | tally.counts()
                    total.add(tally)
            if not total.kept:
                raise DataError(
                    f"nothing of {split} is left: {dict(total.dropped)}; the rows are in "
                    f"{lists.dropped_file}"
                )
    for split in SPLITS:
        finish(output, split)
    text = json.dumps(counts_of(recipe, sources, totals), ensure_ascii=False, indent=2)
    (output / "counts.json").write_text(text + "\n", encoding="utf-8")
    counts: dict[str, Any] = json.loads(text)
    return counts


def filter_candidate(candidate: Candidate, filters: Filters, language: str) -> Measured:
    """Reads one candidate and decides whether the filters keep it.

    The audio is decoded only where the text passes. `language` is that of candidates that name
    none.
    """
    if candidate.dropped is not None or candidate.audio is None:
        left_out = candidate.dropped or reasons.BROKEN
        return Measured(candidate, "", 0.0, left_out, candidate.detail)
    judged = filters.text(candidate.text, candidate.language or language)
    if judged.reason is not None:
        return Measured(candidate, judged.text, 0.0, judged.reason)
    try:
        seconds = candidate.audio.seconds()
    except DataError as error:
        return Measured(candidate, judged.text, 0.0, reasons.BROKEN, str(error))
    reason = filters.audio(candidate.text or "", judged.text, seconds)
    detail = f"{seconds:.2f} s" if reason else ""
    return Measured(candidate, judged.text, seconds, reason, detail, judged.rules)


def _read_source(
    name: str,
    writer: Writer,
    lists: RowLists,
    recipe: Recipe,
    *,
    folders: Mapping[str, Path],
    workers: int,
    notify: Callable[[str], None],
) -> tuple[Tally, dict[str, Any]]:
    opened = open_source(name, folders)
    filters = filters_of(recipe)
    tally = Tally()
    reported = time.monotonic()
    notify(f"reading {name}")
    with ThreadPoolExecutor(workers) as pool:
        for chunk in _chunks(opened.source.candidates(opened.split)):
            judged = pool.map(lambda one: filter_candidate(one, filters, recipe.language), chunk)
            for item in judged:
                tally.count(item, filters.mode)
                candidate = item.candidate
                if item.reason is not None:
                    lists.drop(name, tally.rows, candidate, item.reason, item.detail)
                    continue
                assert candidate.audio is not None
                writer.write(candidate.audio, facts_of(item, name, recipe.language))
                if item.rules:
                    lists.write_out(name, tally.rows, candidate, item.text, item.rules)
            if time.monotonic() - reported > _REPORT_EVERY_SECONDS:
                reported = time.monotonic()
                notify(f"{name}: {tally.rows} rows, {tally.seconds / 3600:.1f} hours kept")
    dropped = sum(tally.dropped.values())
    notify(f"{name}: kept {tally.kept} of {tally.rows}, {tally.seconds / 3600:.2f} hours")
    if dropped:
        notify(f"{name}: dropped {dropped}: {listed(tally.dropped)}")
    if tally.written_out:
        notify(f"{name}: written out: {listed(tally.written_out)}")
    facts = {"licence": opened.licence, "note": opened.source.note(opened.split)}
    return tally, {key: value for key, value in facts.items() if value}


def _chunks(candidates: Iterator[Candidate]) -> Iterator[list[Candidate]]:
    while chunk := list(islice(candidates, _CHUNK)):
        yield chunk


def facts_of(item: Measured, source: str, language: str) -> dict[str, Any]:
    """Returns what a line of a manifest has beside the place of the audio."""
    return {
        "text": item.text,
        "language": item.candidate.language or language,
        "speaker": item.candidate.speaker,
        "seconds": round(item.seconds, 4),
        "source": source,
        **item.candidate.labels,
    }
