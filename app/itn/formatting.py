"""Words with times in, readable text out: sentences by pauses, numbers in digits, word for word.

What was said stays as it is in the transcript; this makes a second text beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.itn.lexicon import Lexicon, lexicon
from app.itn.numbers import write_numbers
from app.itn.word_lists import WordList, is_hesitation, mask, profanities
from app.itn.written import Written
from app.transcript import Word

COMMA_PAUSE = 0.3
SENTENCE_PAUSE = 0.6
UNFINISHED_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class FormattingOptions:
    """What to do with the words; pauses in seconds of silence between two of them.

    Longer than `comma_pause` gives a comma, longer than `sentence_pause` (that of a segment's
    end) a full stop. After a word that cannot end a sentence, such as `og`, it takes
    `unfinished_pause`; no comma follows such a word, nor `den` or `med`. `profanities`, where
    given, replace our own list.

    Raises:
        ValueError: the pauses are not in this order, or below 0.
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
    """Readable text; `text` is the texts of `words`, joined by single spaces.

    A word that stands for several spoken ones (`7.30` for `halv åtte`) lasts from the first of
    them to the last and is as sure as the least sure.
    """

    text: str
    words: tuple[Word, ...]


def format_transcript(
    words: Sequence[Word], language: str, options: FormattingOptions | None = None
) -> FormattedText:
    """Make a transcript readable.

    Args:
        words: as the decoder gives them, in lower case, in order.
        language: `da`, `nb`, `nn` or `no`; others get sentences, but neither digits nor masks.
        options: what to do; the defaults leave hesitations and profanities in.
    """
    chosen = options or FormattingOptions()
    known = lexicon(language)
    indexes, pauses = _kept(words, chosen)
    kept = [words[index] for index in indexes]
    marks = [
        _mark(word.text, pause, known, chosen)
        for word, pause in zip(kept, pauses[1:], strict=False)
    ]
    ends = [i + 1 for i, mark in enumerate(marks) if mark == "."]
    written: list[Word] = []
    for start, end in zip([0, *ends], [*ends, len(kept)], strict=True):
        commas = frozenset(i - start + 1 for i in range(start, end - 1) if marks[i])
        written += _sentence(kept[start:end], commas, language, chosen)
    return FormattedText(" ".join(word.text for word in written), tuple(written))


def finished_words(
    words: Sequence[Word],
    language: str,
    options: FormattingOptions | None = None,
    *,
    next_start: float,
) -> int:
    """How many of the words are of sentences that are over, whatever is said next.

    Made readable apart from the rest, they become what they become together with it.

    Args:
        words: as `format_transcript` takes them.
        language: of the words.
        options: what to do.
        next_start: no further word starts before this, in seconds.
    """
    chosen = options or FormattingOptions()
    known = lexicon(language)
    indexes, pauses = _kept(words, chosen)
    ends = 0
    for position, index in enumerate(indexes):
        last = position + 1 == len(indexes)
        pause = next_start - words[-1].end if last else pauses[position + 1]
        if _mark(words[index].text, pause, known, chosen) == ".":
            ends = len(words) if last else indexes[position + 1]
    return ends


def _kept(words: Sequence[Word], options: FormattingOptions) -> tuple[list[int], list[float]]:
    """Indexes of the words that are written, and the silence before each of them."""
    kept: list[int] = []
    pauses: list[float] = []
    silence = 0.0
    for i, word in enumerate(words):
        # A hesitation that goes leaves no pause: only silence counts.
        silence = max(silence, word.start - words[i - 1].end) if i else 0.0
        if options.remove_hesitations and is_hesitation(word.text):
            continue
        kept.append(i)
        pauses.append(silence)
        silence = 0.0
    return kept, pauses


def _mark(before: str, pause: float, words: Lexicon | None, options: FormattingOptions) -> str:
    """What stands between a word and the next one after a pause."""
    unfinished = words is not None and before in words.unfinished
    if pause > (options.unfinished_pause if unfinished else options.sentence_pause):
        return "."
    if pause <= options.comma_pause or unfinished or (words and before in words.leaning):
        return ""
    return ","


def _sentence(
    words: Sequence[Word], commas: frozenset[int], language: str, options: FormattingOptions
) -> list[Word]:
    """The words of one sentence as written; `commas` are the words with one before them."""
    texts = [word.text for word in words]
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
        sureness = min(word.confidence for word in spoken)
        result.append(Word(text, spoken[0].start, spoken[-1].end, sureness))
    return result
