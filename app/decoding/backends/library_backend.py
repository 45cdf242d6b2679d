"""A library's beam search as a `Backend`: normalises its columns and aligns its words."""

from app.decoding.backends.types import Candidate, Library, LibraryHypothesis
from app.decoding.columns import Alphabet
from app.decoding.types import DecodingOptions, Emissions
from app.decoding.word_timing import WordAligner


class LibraryBackend:
    """Wraps a library.

    Args:
        alphabet: what the columns stand for.
        library: searches them.
    """

    def __init__(self, alphabet: Alphabet, library: Library) -> None:
        self._alphabet = alphabet
        self._library = library
        self._aligner = WordAligner(alphabet.labels)

    def search(self, emissions: Emissions, options: DecodingOptions) -> list[Candidate]:
        """As `Backend`."""
        columns = self._alphabet.columns(emissions)
        distinct: dict[tuple[str, ...], LibraryHypothesis] = {}
        for found in sorted(self._library.search(columns, options), key=lambda found: -found.score):
            distinct.setdefault(found.words, found)
        return [
            Candidate(
                found.words, *self._aligner.align(columns, found.words, found.frames), found.score
            )
            for found in list(distinct.values())[: options.n_best]
        ]
