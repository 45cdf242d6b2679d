"""Groups the error rates of an `Evaluation` by speaker, by length and by augmentation."""

from dataclasses import dataclass

from trainer.evaluation.alignment import error_rate
from trainer.evaluation.measure import DecodingName, Evaluation
from trainer.evaluation.parts import Parts, divide, divide_by_length, divide_by_name


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
    parts = divide_by_name([item.speaker for item in evaluation.utterances])
    groups = _groups(evaluation, parts)
    return tuple(sorted(groups, key=lambda group: (-group.wer[evaluation.final.name], group.name)))


def by_augmentation(evaluation: Evaluation) -> tuple[Group, ...]:
    """Groups by what was done to the sound; an utterance may be in several groups.

    Empty where nothing is known to have been done to any.
    """
    if not any(item.augmentation for item in evaluation.utterances):
        return ()
    parts = divide([item.augmentation or ("none",) for item in evaluation.utterances])
    groups = _groups(evaluation, parts)
    return tuple(sorted(groups, key=lambda group: (group.name != "none", group.name)))


def by_length(evaluation: Evaluation) -> tuple[Group, ...]:
    """Groups by the length of the audio, short ones first."""
    parts = divide_by_length([item.seconds for item in evaluation.utterances])
    return tuple(_groups(evaluation, parts))


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


def _groups(evaluation: Evaluation, parts: Parts) -> list[Group]:
    return [_group(evaluation, name, members) for name, members in parts.items()]


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
