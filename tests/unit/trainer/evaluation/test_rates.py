"""Error rates, their intervals and what was confused, on texts whose errors are known."""

import random

import jiwer
import pytest

from trainer.evaluation.alignment import align_characters, align_words, error_rate
from trainer.evaluation.bootstrap import Bootstrap
from trainer.evaluation.confusions import Confusion, Confusions, count_confusions

REFERENCES = ["det er en prøve", "vi går på tur", "hun har en hest", ""]
WRITTEN = ["det er prøve", "vi gor på på tur", "", "nei"]


def test_rates_are_those_of_jiwer() -> None:
    assert error_rate(align_words(REFERENCES, WRITTEN)) == jiwer.wer(REFERENCES, WRITTEN)
    assert error_rate(align_characters(REFERENCES, WRITTEN)) == jiwer.cer(REFERENCES, WRITTEN)


def many(count: int, wrong: float, seed: int) -> tuple[list[str], list[str]]:
    choice = random.Random(seed)
    references = ["a b c d e f g h i j"] * count
    return references, [
        " ".join(word if choice.random() > wrong else "x" for word in line.split())
        for line in references
    ]


def test_about_95_of_100_intervals_contain_the_true_rate() -> None:
    inside = 0
    for seed in range(100):
        words = align_words(*many(60, 0.2, seed))
        interval = Bootstrap([""] * 60, replicates=200).interval(words)
        inside += interval.low <= 0.2 <= interval.high
    assert 88 <= inside <= 100


def test_interval_narrows_with_more_speech_and_is_reproducible() -> None:
    few, lots = (align_words(*many(count, 0.2, 1)) for count in (30, 480))
    wide, narrow = Bootstrap([""] * 30).interval(few), Bootstrap([""] * 480).interval(lots)
    assert (narrow.high - narrow.low) < (wide.high - wide.low) / 2
    assert Bootstrap([""] * 30).interval(few) == wide


def test_speaker_bootstrap_is_wider_when_speakers_differ() -> None:
    references, written, speakers = [], [], []
    for speaker in range(12):
        lines = many(20, 0.05 if speaker % 2 else 0.5, speaker)
        references += lines[0]
        written += lines[1]
        speakers += [f"s{speaker}"] * 20
    words = align_words(references, written)
    by_speaker, by_utterance = Bootstrap(speakers), Bootstrap([""] * len(references))
    assert (by_speaker.unit, by_utterance.unit) == ("speaker", "utterance")
    wide, narrow = by_speaker.interval(words), by_utterance.interval(words)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_two_speakers_are_too_few_for_speaker_bootstrap() -> None:
    assert Bootstrap(["a", "b"] * 20).unit == "utterance"


def test_paired_difference_interval_excludes_zero() -> None:
    references, first = many(200, 0.3, 5)
    second = [line.replace("x", "x", 1) if n % 4 else references[n] for n, line in enumerate(first)]
    bootstrap = Bootstrap([""] * 200)
    one, other = align_words(references, first), align_words(references, second)
    change = bootstrap.difference(one, other)
    assert change.low < error_rate(other) - error_rate(one) < change.high < 0
    assert bootstrap.difference(one, one).low == bootstrap.difference(one, one).high == 0


def confusions(references: str, written: str) -> Confusions:
    return count_confusions(
        align_words([references], [written]), align_characters([references], [written]), most=5
    )


def test_compound_splits_are_counted_separately() -> None:
    found = confusions(
        "systemd utfører en lang prosess nå", "systemdutfører et lang pro sess nå ja"
    )
    assert found.joined == (Confusion("systemd utfører", "systemdutfører", 1),)
    assert found.split == (Confusion("prosess", "pro sess", 1),)
    assert found.substituted == (Confusion("en", "et", 1),)
    assert found.added == (Confusion("", "ja", 1),)
    assert found.dropped == ()


def test_confusions_are_sorted_by_count_and_totals_include_all() -> None:
    references = ["den er en", "den er på", "den var å"]
    written = ["din er in", "din er på", "dan var o"]
    found = count_confusions(
        align_words(references, written), align_characters(references, written), most=2
    )
    assert found.substituted == (Confusion("den", "din", 2), Confusion("den", "dan", 1))
    assert found.totals["substituted"] == 5
    assert found.characters[0] == Confusion("e", "i", 3)


@pytest.mark.parametrize("written", ["", "det er en prøve"])
def test_rates_of_empty_and_of_perfect_results(written: str) -> None:
    found = confusions("det er en prøve", written)
    assert found.totals["dropped"] == (0 if written else 4)
    assert found.totals["substituted"] == 0
