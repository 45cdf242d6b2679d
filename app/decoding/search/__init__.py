"""The beam search in C, for where a compiler was there at install."""

from app.decoding.search.library import (
    NOT_FINITE,
    SEARCH_STOPPED,
    Lexicon,
    Ngrams,
    Poll,
    Result,
    Task,
    load_library,
    normalised_columns,
    place_words,
)

__all__ = [
    "NOT_FINITE",
    "SEARCH_STOPPED",
    "Lexicon",
    "Ngrams",
    "Poll",
    "Result",
    "Task",
    "load_library",
    "normalised_columns",
    "place_words",
]
