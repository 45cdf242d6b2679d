"""The decoder in C: beam search, n-gram language model and Viterbi alignment."""

from app.decoding.native.library import (
    NOT_FINITE,
    SEARCH_STOPPED,
    Characters,
    Lexicon,
    ListedNgrams,
    Ngrams,
    Poll,
    SearchOptions,
    SearchResult,
    align_words,
    load_library,
    normalised_columns,
)

__all__ = [
    "NOT_FINITE",
    "SEARCH_STOPPED",
    "Characters",
    "Lexicon",
    "ListedNgrams",
    "Ngrams",
    "Poll",
    "SearchOptions",
    "SearchResult",
    "align_words",
    "load_library",
    "normalised_columns",
]
