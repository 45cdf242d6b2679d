"""Groups the error rates of an `Evaluation` by speaker, by length and by augmentation."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from trainer.evaluation.alignment import error_rate
from trainer.evaluation.measure import DecodingName, Evaluation, Utterance

_LENGTHS = (0.0, 2.0, 5.0, 10.0, 20.0, float("inf"))
"""Seconds at which one length ends and the next begins."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the utterances; `wer` by decoding, `words` are those of the references."""

    name: str
    utterances: int
    seconds: float
    words: int
    wer: dict[DecodingName, float]


def by_speaker(evaluation: Evaluation) -> tuple[Group, ...]:
    """Groups by speaker, the worst first; empty where no speaker is known."""
    if not any(item.speaker for item in evaluation.utterances):
        return ()
    groups = _groups(evaluation, lambda item: (item.speaker or "unknown",))
    return tuple(sorted(groups, key=lambda group: (-group.wer[evaluation.final.name], group.name)))


def by_augmentation(evaluation: Evaluation) -> tuple[Group, ...]:
    """Groups by what was done to the sound; an utterance may be in several groups.

    Empty where nothing is known to have been done to any.
    """
    if not any(item.augmentation for item in evaluation.utterances):
        return ()
    groups = _groups(evaluation, lambda item: item.augmentation or ("none",))
    return tuple(sorted(groups, key=lambda group: (group.name != "none", group.name)))


def by_length(evaluation: Evaluation) -> tuple[Group, ...]:
    """Groups by the length of the audio, short ones first."""
    found = {group.name: group for group in _groups(evaluation, lambda item: (_length(item),))}
    names = [_length_name(low, high) for low, high in pairwise(_LENGTHS)]
    return tuple(found[name] for name in names if name in found)


def worst(evaluation: Evaluation, count: int) -> tuple[int, ...]:
    """Returns the utterances with the highest word error rate in the final decoding.

    Among equals the one with more errors comes first. Utterances of under four words, where
    one error is a high rate, come only when there are not enough others.
    """
    long_enough = 4
    words = evaluation.final.words
    wrong = [index for index, item in enumerate(words) if item.errors]
    order = sorted(
        wrong,
        key=lambda index: (
            words[index].length < long_enough,
            -words[index].rate,
            -words[index].errors,
            index,
        ),
    )
    return tuple(order[:count])


def _groups(evaluation: Evaluation, keys: Callable[[Utterance], tuple[str, ...]]) -> list[Group]:
    members: dict[str, list[int]] = {}
    for index, item in enumerate(evaluation.utterances):
        for key in keys(item):
            members.setdefault(key, []).append(index)
    return [_group(evaluation, name, found) for name, found in members.items()]


def _group(evaluation: Evaluation, name: str, members: list[int]) -> Group:
    words = [evaluation.final.words[index] for index in members]
    return Group(
        name,
        len(members),
        sum(evaluation.utterances[index].seconds for index in members),
        sum(item.length for item in words),
        {
            decoding.name: error_rate([decoding.words[index] for index in members])
            for decoding in evaluation.decodings
        },
    )


def _length(item: Utterance) -> str:
    return next(
        _length_name(low, high) for low, high in pairwise(_LENGTHS) if low <= item.seconds < high
    )


def _length_name(low: float, high: float) -> str:
    if low == 0:
        return f"under {high:.0f} s"
    return f"over {low:.0f} s" if high == float("inf") else f"{low:.0f} to {high:.0f} s"
