"""Inverse text normalisation: from verbatim words to sentences with digits.

It works on the words of a transcript, not on emissions, so every protocol and format can use it.
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
