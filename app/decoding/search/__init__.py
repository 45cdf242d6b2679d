"""The beam search in C, for where a compiler was there at install."""

from app.decoding.search.library import (
    Cache,
    Lexicon,
    ScoreEnd,
    ScoreWord,
    Task,
    load_library,
    normalised_columns,
    word_spans,
)

__all__ = [
    "Cache",
    "Lexicon",
    "ScoreEnd",
    "ScoreWord",
    "Task",
    "load_library",
    "normalised_columns",
    "word_spans",
]
