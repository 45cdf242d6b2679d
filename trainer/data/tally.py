"""Counts the rows of a data folder: what was kept, dropped and written out, for `counts.json`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from app.text import Mode
from trainer.data.candidate import Candidate
from trainer.data.filters import UNKNOWN, unknown_characters
from trainer.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Measured:
    """A candidate that was read; `reason` is why it is dropped, or None where it is kept.

    `detail` is what more there is to know of the reason; `rules` wrote parts of the text out.
    """

    candidate: Candidate
    text: str
    seconds: float
    reason: str | None
    detail: str = ""
    rules: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """Counts of kept and dropped rows, of a source or of a split."""

    rows: int = 0
    kept: int = 0
    seconds: float = 0.0
    dropped: Counter[str] = field(default_factory=Counter)
    written_out: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    speakers: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def count(self, item: Measured, mode: Mode) -> None:
        """Counts a row, kept or dropped; `mode` is that of the filters."""
        self.rows += 1
        if item.reason is not None:
            self.dropped[item.reason] += 1
            if item.reason == UNKNOWN:
                self.unknown.update(unknown_characters(item.text, mode))
            return
        self.kept += 1
        self.seconds += item.seconds
        self.speakers.add(item.candidate.speaker)
        self.texts.add(item.text)
        self.written_out.update(item.rules)

    def add(self, other: "Tally") -> None:
        """Adds the counts of another."""
        self.rows += other.rows
        self.kept += other.kept
        self.seconds += other.seconds
        self.dropped.update(other.dropped)
        self.written_out.update(other.written_out)
        self.unknown.update(other.unknown)
        self.speakers |= other.speakers
        self.texts |= other.texts

    def counts(self) -> dict[str, Any]:
        """Returns the figures as they go into `counts.json`."""
        return {
            "rows": self.rows,
            "utterances": self.kept,
            "hours": round(self.seconds / 3600, 3),
            "speakers": len(self.speakers - {""}),
            "dropped": dict(self.dropped.most_common()),
            "written_out": dict(self.written_out.most_common()),
            "unknown_characters": dict(self.unknown.most_common()),
        }


def counts_of(
    recipe: Recipe, sources: Mapping[str, Mapping[str, Any]], totals: Mapping[str, Tally]
) -> dict[str, Any]:
    """Returns the contents of `counts.json`.

    Args:
        recipe: that the data are for.
        sources: the counts of each source, by its name.
        totals: those of train, valid and test.
    """
    train = totals["train"]
    dropped = sum((tally.dropped for tally in totals.values()), Counter())
    written_out = sum((tally.written_out for tally in totals.values()), Counter())
    return {
        "recipe": recipe.id,
        "language": recipe.language,
        "sources": dict(sources),
        "dropped": dict(dropped.most_common()),
        "written_out": dict(written_out.most_common()),
        **{split: tally.counts() for split, tally in totals.items()},
        # Test data that is also trained on flatters the figures; this counts how much there is.
        "seen_in_training": {
            split: {
                "texts": len(totals[split].texts & train.texts),
                "speakers": len((totals[split].speakers & train.speakers) - {""}),
            }
            for split in ("valid", "test")
        },
        "settings": asdict(recipe.data),
    }


def listed(counts: Counter[str]) -> str:
    """Returns counts as one line, the most frequent first."""
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
