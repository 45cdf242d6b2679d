"""A library's search as a backend: it is given columns, and its words are placed on them."""

from app.decoding.backends.types import Candidate, Found, Library
from app.decoding.columns import Alphabet
from app.decoding.options import DecodingOptions
from app.decoding.types import Emissions
from app.decoding.word_timing import WordPlacer


class ColumnsBackend:
    """Wraps a library.

    Args:
        alphabet: what the columns stand for.
        library: searches them.
    """

    def __init__(self, alphabet: Alphabet, library: Library) -> None:
        self._alphabet = alphabet
        self._library = library
        self._placer = WordPlacer(alphabet.labels)

    def search(self, emissions: Emissions, options: DecodingOptions) -> list[Candidate]:
        """As `Backend`."""
        columns = self._alphabet.columns(emissions)
        different: dict[tuple[str, ...], Found] = {}
        for one in sorted(self._library.search(columns, options), key=lambda one: -one.score):
            different.setdefault(one.words, one)
        return [
            Candidate(one.words, *self._placer.place(columns, one.words, one.frames), one.score)
            for one in list(different.values())[: options.n_best]
        ]
