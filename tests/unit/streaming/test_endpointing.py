"""Where utterances begin and end, from probabilities of speech."""

from collections.abc import Iterable

import pytest

from app.streaming import Endpointing
from app.streaming.endpointing import Began, Ended, Endpointer
from app.streaming.vad import CHUNK_SAMPLES

CHUNK = CHUNK_SAMPLES / 16_000


def process(endpointer: Endpointer, probabilities: Iterable[float]) -> list[Began | Ended]:
    return [
        event for value in probabilities if (event := endpointer.process_vad(value)) is not None
    ]


def chunks(seconds: float, probability: float) -> list[float]:
    return [probability] * round(seconds / CHUNK)


def test_utterance_begins_before_speech_and_ends_after_a_pause() -> None:
    endpointer = Endpointer(Endpointing(silence_seconds=0.5, prefix_seconds=0.3))
    events = process(endpointer, [*chunks(1, 0.1), *chunks(2, 0.9), *chunks(1, 0.1)])
    began, ended = events
    assert isinstance(began, Began)
    assert began.speech / 16_000 == pytest.approx(1.0, abs=CHUNK)
    assert (began.speech - began.kept) / 16_000 == pytest.approx(0.3, abs=0.001)
    assert isinstance(ended, Ended)
    assert ended.at / 16_000 == pytest.approx(3.5, abs=2 * CHUNK)
    assert ended.until / 16_000 == pytest.approx(3.15, abs=2 * CHUNK)
    assert not ended.cut


def test_click_begins_no_utterance() -> None:
    endpointer = Endpointer(Endpointing())
    assert process(endpointer, [*chunks(1, 0.0), 0.99, *chunks(1, 0.0), 0.99]) == []


def test_short_pause_and_doubtful_frames_do_not_end_an_utterance() -> None:
    endpointer = Endpointer(Endpointing(silence_seconds=0.6, threshold=0.5))
    [_] = process(endpointer, [*chunks(1, 0.9), *chunks(0.5, 0.0), *chunks(1, 0.9)])
    # Between the two thresholds nothing changes.
    assert process(endpointer, chunks(3, 0.4)) == []
    [ended] = process(endpointer, chunks(0.7, 0.0))
    assert isinstance(ended, Ended)


def test_next_utterance_does_not_overlap_the_last() -> None:
    endpointer = Endpointer(Endpointing(silence_seconds=0.1, prefix_seconds=1.0))
    events = process(endpointer, [*chunks(1, 0.9), *chunks(0.2, 0.0), *chunks(1, 0.9)])
    _, ended, began = events
    assert isinstance(ended, Ended)
    assert isinstance(began, Began)
    assert began.kept == ended.at


def test_utterance_is_not_ended_by_pauses_without_endpoint_silence() -> None:
    endpointer = Endpointer(Endpointing(silence_seconds=None, max_seconds=30))
    assert len(process(endpointer, [*chunks(1, 0.9), *chunks(20, 0.0)])) == 1
    ended = endpointer.end(endpointer.position)
    assert ended is not None
    assert ended.until / 16_000 == pytest.approx(1.15, abs=2 * CHUNK)


def test_long_utterance_ends_at_the_next_short_pause() -> None:
    endpointer = Endpointer(Endpointing(silence_seconds=2.0, max_seconds=5.5))
    speech = [*chunks(3, 0.9), *chunks(0.15, 0.0)] * 2
    _, ended = process(endpointer, speech)
    assert isinstance(ended, Ended)
    assert ended.at / 16_000 == pytest.approx(6.27, abs=0.1)
    assert not ended.cut


def test_utterance_without_pauses_is_cut_where_speech_is_least_probable() -> None:
    endpointer = Endpointer(Endpointing(max_seconds=4.0, prefix_seconds=0.0))
    _, ended, after = process(
        endpointer, [*chunks(4, 0.95), 0.6, *chunks(1.0, 0.95), *chunks(1, 0.95), *chunks(1, 0.0)]
    )
    assert isinstance(ended, Ended)
    assert ended.cut
    assert ended.at / 16_000 == pytest.approx(4.0, abs=2 * CHUNK)
    # The rest is an utterance of its own, which begins right there.
    assert isinstance(after, Ended)
    assert not after.cut


def test_end_without_speech_returns_none() -> None:
    endpointer = Endpointer(Endpointing())
    process(endpointer, chunks(1, 0.1))
    assert endpointer.end(16_000) is None
