"""What the transcripts of synthesised meetings have: less, more or other words than are said."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from app.itn import write_numbers
from bench.meetings import Line
from trainer.text.numbers import number_sentences

Rewrite = Callable[[Sequence[str], str, random.Random], list[Line]]

_SENTENCES = Path(__file__).parent / "sentences"
_SEED = 20260314
_NOT_WRITTEN, _NOT_SAID = 1 / 8, 1 / 20
_PARAPHRASED, _MOVED = 1 / 3, 1 / 8
_DISTANCE = 3  # lines
_FILLED, _SHORTENED, _NUMBERED = 1 / 3, 1 / 6, 3
_FILLERS = {
    "da": ("øh", "altså", "ligesom"),
    "nb": ("eh", "altså", "liksom"),
    "nn": ("eh", "altså", "liksom"),
}
_MIN_LETTERS = 4  # of a word that is exchanged


def sentences(material: str, language: str, count: int) -> list[str]:
    """Returns sentences of a material: `numbers`, `everyday` or `compounds`."""
    if material == "numbers":
        return list(islice(number_sentences(language, seed=_SEED), count))
    name = {"everyday": language, "compounds": f"compounds.{language}"}[material]
    return (_SENTENCES / f"{name}.txt").read_text("utf-8").splitlines()[:count]


def with_gaps(said: Sequence[str], language: str, choice: random.Random) -> list[Line]:
    """Leaves an eighth of the sentences out; every twentieth is followed by one not said."""
    others = _others(language)
    lines = []
    for sentence in said:
        lines.append(Line(sentence, "" if choice.random() < _NOT_WRITTEN else sentence))
        if choice.random() < _NOT_SAID:
            lines.append(Line("", next(others)))
    return lines


def paraphrased(said: Sequence[str], _language: str, choice: random.Random) -> list[Line]:
    """Changes a third of the sentences: a word is another, is missing, or follows the next."""
    pool = sorted({word for sentence in said for word in sentence.split()})
    lines = []
    for sentence in said:
        written = sentence.split()
        if choice.random() < _PARAPHRASED:
            change = choice.choice((_exchange, _remove, _swap))
            written = change(written, pool, choice)
        lines.append(Line(sentence, " ".join(written)))
    return lines


def moved(said: Sequence[str], _language: str, choice: random.Random) -> list[Line]:
    """Writes an eighth of the sentences three lines later than they are said."""
    lines: list[Line] = []
    waiting: dict[int, str] = {}
    for place, sentence in enumerate(said):
        away = choice.random() < _MOVED
        lines.append(Line(sentence, "" if away else sentence))
        if away:
            waiting[place + _DISTANCE] = sentence
        if place in waiting:
            lines.append(Line("", waiting.pop(place)))
    return lines + [Line("", sentence) for sentence in waiting.values()]


def edited(said: Sequence[str], language: str, choice: random.Random) -> list[Line]:
    """Edits sentences as minutes are: fillers and some words left out, numbers as digits.

    Every third sentence has a number; sentences begin with a capital and end with a full stop.
    """
    numbers = number_sentences(language, seed=_SEED + 1)
    lines = []
    for place, sentence in enumerate(said):
        spoken = next(numbers).split() if place % _NUMBERED == 0 else sentence.split()
        written = list(spoken)
        if choice.random() < _FILLED:
            spoken.insert(choice.randrange(len(spoken)), choice.choice(_FILLERS[language]))
        if choice.random() < _SHORTENED:
            del written[choice.randrange(len(written))]
        text = " ".join(piece.text for piece in write_numbers(written, language))
        lines.append(Line(" ".join(spoken), f"{text[:1].upper()}{text[1:]}."))
    return lines


KINDS: Mapping[str, tuple[str, Rewrite]] = {
    "numbers": ("numbers", with_gaps),
    "everyday": ("everyday", with_gaps),
    "compounds": ("compounds", with_gaps),
    "paraphrased": ("everyday", paraphrased),
    "moved": ("everyday", moved),
    "edited": ("everyday", edited),
}
"""The material of each kind of transcript, and how it differs from what is said."""


def _others(language: str) -> Iterator[str]:
    """Yields sentences that no material has."""
    return number_sentences(language, seed=_SEED + 2)


def _exchange(words: list[str], pool: Sequence[str], choice: random.Random) -> list[str]:
    """Puts another word of about as many letters in the place of one."""
    places = [place for place, word in enumerate(words) if len(word) >= _MIN_LETTERS]
    place = choice.choice(places)
    alike = [
        word for word in pool if abs(len(word) - len(words[place])) <= 1 and word != words[place]
    ]
    return [*words[:place], choice.choice(alike), *words[place + 1 :]] if alike else words


def _remove(words: list[str], _pool: Sequence[str], choice: random.Random) -> list[str]:
    place = choice.randrange(len(words))
    return words[:place] + words[place + 1 :]


def _swap(words: list[str], _pool: Sequence[str], choice: random.Random) -> list[str]:
    place = choice.randrange(len(words) - 1)
    return [*words[:place], words[place + 1], words[place], *words[place + 2 :]]
