"""Formats words with times as text: sentences by pauses, numbers in digits.

The transcript stays verbatim; this makes a second text beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.contract.answers import Word
from app.itn.cardinals import Written
from app.itn.lexicon import Lexicon, lexicon
from app.itn.numbers import write_numbers
from app.itn.word_lists import WordList, is_hesitation, mask, profanities

COMMA_PAUSE = 0.3
SENTENCE_PAUSE = 0.6
UNFINISHED_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class FormattingOptions:
    """How to format words; pauses are seconds of silence between two words.

    A pause over `comma_pause` becomes a comma, one over `sentence_pause` (the default is that of a
    segment's end) a full stop. After a word that cannot end a sentence, such as `og`, a full stop
    takes `unfinished_pause`; no comma follows such a word, nor `den` or `med`. `profanities`, where
    given, replace the bundled lists.

    Raises:
        ValueError: the pauses are not in ascending order, or below 0.
    """

    numbers: bool = True
    remove_hesitations: bool = False
    mask_profanities: bool = False
    profanities: WordList | None = None
    comma_pause: float = COMMA_PAUSE
    sentence_pause: float = SENTENCE_PAUSE
    unfinished_pause: float = UNFINISHED_PAUSE

    def __post_init__(self) -> None:
        if not 0 <= self.comma_pause <= self.sentence_pause <= self.unfinished_pause:
            raise ValueError(
                f"comma_pause is {self.comma_pause}, sentence_pause {self.sentence_pause} and "
                f"unfinished_pause {self.unfinished_pause}: must be 0 or more, in rising order"
            )


@dataclass(frozen=True, slots=True)
class FormattedText:
    """Formatted text; `text` is the texts of `words`, joined by single spaces.

    A word that stands for several spoken ones (`7.30` for `halv åtte`) lasts from the first of
    them to the last, and has the lowest of their confidences.
    """

    text: str
    words: tuple[Word, ...]


def format_transcript(
    words: Sequence[Word], language: str, options: FormattingOptions | None = None
) -> FormattedText:
    """Formats the words of a transcript.

    Args:
        words: of the decoder, in lower case, in order. A sentence ends where the speaker changes.
        language: `da`, `nb`, `nn` or `no`; in other languages numbers and profanities stay.
        options: how to format them; by default hesitations and profanities stay.
    """
    chosen = options or FormattingOptions()
    known = lexicon(language)
    indexes, pauses = _kept(words, chosen)
    kept = [words[index] for index in indexes]
    marks = [
        "." if word.speaker != following.speaker else _mark(word.word, pause, known, chosen)
        for word, following, pause in zip(kept, kept[1:], pauses[1:], strict=False)
    ]
    ends = [i + 1 for i, mark in enumerate(marks) if mark == "."]
    written: list[Word] = []
    for start, end in zip([0, *ends], [*ends, len(kept)], strict=True):
        commas = frozenset(i - start + 1 for i in range(start, end - 1) if marks[i])
        written += _sentence(kept[start:end], commas, language, chosen)
    return FormattedText(" ".join(word.word for word in written), tuple(written))


def finished_words(
    words: Sequence[Word],
    language: str,
    options: FormattingOptions | None = None,
    *,
    next_start: float,
) -> int:
    """Returns how many of the words belong to sentences that are complete.

    Formatted apart from the rest, they give the same text as together with it.

    Args:
        words: as `format_transcript` takes them.
        language: of the words.
        options: as for `format_transcript`.
        next_start: no further word starts before this, in seconds.
    """
    chosen = options or FormattingOptions()
    known = lexicon(language)
    indexes, pauses = _kept(words, chosen)
    ends = 0
    for position, index in enumerate(indexes):
        last = position + 1 == len(indexes)
        pause = next_start - words[-1].end if last else pauses[position + 1]
        if _mark(words[index].word, pause, known, chosen) == ".":
            ends = len(words) if last else indexes[position + 1]
    return ends


def _kept(words: Sequence[Word], options: FormattingOptions) -> tuple[list[int], list[float]]:
    """Returns the indexes of the words that are kept, and the silence before each of them."""
    kept: list[int] = []
    pauses: list[float] = []
    silence = 0.0
    for i, word in enumerate(words):
        # A removed hesitation is not a pause: only silence counts.
        silence = max(silence, word.start - words[i - 1].end) if i else 0.0
        if options.remove_hesitations and is_hesitation(word.word):
            continue
        kept.append(i)
        pauses.append(silence)
        silence = 0.0
    return kept, pauses


def _mark(before: str, pause: float, words: Lexicon | None, options: FormattingOptions) -> str:
    """Returns the mark between a word and the next one: a full stop, a comma or none."""
    unfinished = words is not None and before in words.unfinished
    if pause > (options.unfinished_pause if unfinished else options.sentence_pause):
        return "."
    if pause <= options.comma_pause or unfinished or (words and before in words.leaning):
        return ""
    return ","


def _sentence(
    words: Sequence[Word], commas: frozenset[int], language: str, options: FormattingOptions
) -> list[Word]:
    """Returns the words of one sentence as written; `commas` are indexes of words after a comma."""
    texts = [word.word for word in words]
    if options.numbers:
        pieces = write_numbers(texts, language, pauses=commas)
    else:
        pieces = tuple(Written(text, i, i) for i, text in enumerate(texts))
    masked = WordList(frozenset())
    if options.mask_profanities:
        masked = options.profanities or profanities(language)
    result = []
    for index, piece in enumerate(pieces):
        text = mask(piece.text) if masked.matches(piece.text) else piece.text
        if index == 0:
            text = text[:1].upper() + text[1:]
        if index == len(pieces) - 1:
            text += "" if text.endswith(".") else "."
        elif pieces[index + 1].first in commas and not pieces[index + 1].glued:
            text += ","
        spoken = words[piece.first : piece.last + 1]
        confidence = min(word.confidence for word in spoken)
        first = spoken[0]
        result.append(
            Word(text, first.start, spoken[-1].end, confidence, first.speaker, first.language)
        )
    return result
