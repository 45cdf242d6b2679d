"""Verbatim words in, text that people like to read out: sentences, digits, nothing unwanted.

A room of its own beside `app.decoding`: it works on a transcript's words, not on emissions, so
every protocol and the formats can use it on any transcript.
"""

from app.itn.formatting import (
    FormattedText,
    FormattingOptions,
    finished_words,
    format_transcript,
)
from app.itn.lexicon import LANGUAGES
from app.itn.numbers import write_numbers
from app.itn.word_lists import WordList, read_word_list

__all__ = [
    "LANGUAGES",
    "FormattedText",
    "FormattingOptions",
    "WordList",
    "finished_words",
    "format_transcript",
    "read_word_list",
    "write_numbers",
]
