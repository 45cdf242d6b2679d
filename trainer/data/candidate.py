"""The value every adapter yields: a row as its source has it, before the filters of a recipe."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from trainer.data.audio import PlacedAudio


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may become a record.

    `text` is as published. `language` and `speaker` are empty where the source has none.
    `dropped` is why the source itself leaves the row out; such a row may have no audio. `detail`
    is what more there is to know of that, such as the name of the file. `labels` are those of
    `trainer.data.record.LABELS` that the source has.
    """

    audio: PlacedAudio | None
    text: str | None
    language: str
    speaker: str
    dropped: str | None = None
    detail: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """A set of speech that can be read split by split."""

    def candidates(self, split: str) -> Iterator[Candidate]:
        """Yields every row of a split, also those that are to be dropped.

        Raises:
            DataError: the split is not available.
        """
        ...

    def note(self, split: str) -> str | None:
        """Returns a remark for the user on this split, or None."""
        ...
