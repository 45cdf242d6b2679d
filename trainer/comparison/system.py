"""The interface of what is compared: records in, one text for each and the seconds of work out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from trainer.data import Record

Kind = Literal["model", "server"]


@dataclass(frozen=True, slots=True)
class Transcripts:
    """The texts of a system, one a record.

    `seconds` is what the work took. `refused` has the reason by the place of each record that the
    system did not take; the text there is empty.
    """

    texts: tuple[str, ...]
    seconds: float
    refused: Mapping[int, str] = field(default_factory=dict)


class System(Protocol):
    """A model of this machine, or a running server."""

    @property
    def name(self) -> str:
        """What the user called it."""
        ...

    @property
    def kind(self) -> Kind:
        """Where the work is done."""
        ...

    def transcribe(self, records: Sequence[Record]) -> Transcripts:
        """Transcribes all records.

        Raises:
            ComparisonError: the system failed, or it refused every record.
            NordlydError: a model that cannot be loaded.
            DataError: audio that cannot be read.
        """
        ...
