"""Gives each word of a transcript the speaker in whose turn it is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from app.contract.answers import Word
from app.speakers.types import Turn

_NO_NAMES: Mapping[int, str] = MappingProxyType({})


def numbered_speaker(number: int) -> str:
    """Returns the label of a speaker without a name, whose number is from 1."""
    return f"speaker {number}"


def label_words(
    words: Sequence[Word], turns: Sequence[Turn], names: Mapping[int, str] = _NO_NAMES
) -> tuple[Word, ...]:
    """Returns the words with the labels of their speakers.

    They are the names of those who have one; of the others, `speaker 1` is the first who speaks.

    A word has the speaker who speaks for most of it; of several at once, the one of the word
    before. A word outside all turns has the speaker of the nearest one.

    Args:
        words: in order; none begins before the one before it ends.
        turns: in order of their starts.
        names: of known speakers, by their numbers in the turns.
    """
    speakers = _speakers_of(words, turns)
    unnamed = [speaker for speaker in dict.fromkeys(speakers) if speaker not in names]
    labels = {speaker: numbered_speaker(number) for number, speaker in enumerate(unnamed, 1)}
    labels |= names
    return tuple(
        replace(word, speaker=labels[speaker])
        for word, speaker in zip(words, speakers, strict=True)
    )


def _speakers_of(words: Sequence[Word], turns: Sequence[Turn]) -> list[int]:
    if not turns:
        return [0] * len(words)
    found: list[int] = []
    around: list[Turn] = []
    last = turns[0]
    index = 0
    for word in words:
        while index < len(turns) and turns[index].start < word.end:
            around.append(turns[index])
            index += 1
        last = max([last, *around], key=lambda turn: turn.end)
        around = [turn for turn in around if turn.end > word.start]
        following = turns[index] if index < len(turns) else last
        found.append(_speaker_of(word, around, last, following, found[-1] if found else None))
    return found


def _speaker_of(
    word: Word, around: Sequence[Turn], last: Turn, following: Turn, before: int | None
) -> int:
    """Returns the speaker of a word.

    Args:
        word: the word.
        around: turns that end after the word begins.
        last: of the turns that began before the word's end, the one that ends last.
        following: the first turn that begins after the word's end; `last` where there is none.
        before: speaker of the word before; None for the first word.
    """
    shared: dict[int, float] = {}
    for turn in around:
        seconds = min(turn.end, word.end) - max(turn.start, word.start)
        if seconds > 0:
            shared[turn.speaker] = shared.get(turn.speaker, 0.0) + seconds
    if shared:
        return max(shared, key=lambda speaker: (round(shared[speaker], 3), speaker == before))
    after = following.start - word.end
    return last.speaker if word.start - last.end <= abs(after) else following.speaker
