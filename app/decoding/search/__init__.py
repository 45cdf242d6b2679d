"""The beam search in C, for where a compiler was there at install."""

from app.decoding.search.library import (
    Lexicon,
    Ngrams,
    Task,
    load_library,
    normalised_columns,
    word_spans,
)

__all__ = [
    "Lexicon",
    "Ngrams",
    "Task",
    "load_library",
    "normalised_columns",
    "word_spans",
]
