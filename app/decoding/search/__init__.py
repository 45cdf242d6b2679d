"""The beam search in C, for where a compiler was there at install."""

from app.decoding.search.library import (
    SEARCH_STOPPED,
    Lexicon,
    Ngrams,
    Poll,
    Task,
    load_library,
    normalised_columns,
    place_words,
)

__all__ = [
    "SEARCH_STOPPED",
    "Lexicon",
    "Ngrams",
    "Poll",
    "Task",
    "load_library",
    "normalised_columns",
    "place_words",
]
