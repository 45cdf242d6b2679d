"""Spoken words with times, and digits as people say them."""

from app.contract.answers import Word
from app.numerals import cardinal


def spoken(text: str, *, speaker: str | None = None) -> list[Word]:
    """Returns words of 0.2 s, one after the other; a number in brackets is a pause in seconds."""
    now, words = 0.0, []
    for part in text.split():
        if part.startswith("<"):
            now += float(part.strip("<>"))
            continue
        words.append(Word(part, round(now, 3), round(now + 0.2, 3), 0.9, speaker))
        now += 0.2
    return words


def text_of(words: "list[Word] | tuple[Word, ...]") -> str:
    """Returns the words, joined by spaces."""
    return " ".join(word.word for word in words)


def said(digits: str, language: str, *, pairs: bool) -> str:
    """Returns digits as people say them: one by one, or in pairs where no zero leads one."""
    parts, place = [], 0
    while place < len(digits):
        pair = digits[place : place + 2]
        size = 2 if pairs and len(pair) == 2 and pair[0] != "0" else 1
        parts.append(cardinal(int(digits[place : place + size]), language))
        place += size
    return " ".join(parts)
