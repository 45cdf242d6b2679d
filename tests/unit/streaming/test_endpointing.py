"""Where utterances begin and end, from probabilities of speech."""

from collections.abc import Iterable

import pytest

from app.streaming import Endpointing
from app.streaming.endpointing import Began, Ended, Endpointer
from app.streaming.vad import CHUNK_SAMPLES

CHUNK = CHUNK_SAMPLES / 16_000


def hear(endpointer: Endpointer, probabilities: Iterable[float]) -> list[Began | Ended]:
    return [
        event for value in probabilities if (event := endpointer.process_vad(value)) is not None
    ]


def chunks(seconds: float, probability: float) -> list[float]:
    return [probability] * round(seconds / CHUNK)


def test_speech_begins_with_some_audio_before_it_and_ends_after_a_pause() -> None:
    endpointer = Endpointer(Endpointing(silence_seconds=0.5, prefix_seconds=0.3))
    events = hear(endpointer, [*chunks(1, 0.1), *chunks(2, 0.9), *chunks(1, 0.1)])
    began, ended = events
    assert isinstance(began, Began)
    assert began.speech / 16_000 == pytest.approx(1.0, abs=CHUNK)
    assert (began.speech - began.kept) / 16_000 == pytest.approx(0.3, abs=0.001)
    assert isinstance(ended, Ended)
    assert ended.at / 16_000 == pytest.approx(3.5, abs=2 * CHUNK)
    assert ended.until / 16_000 == pytest.approx(3.15, abs=2 * CHUNK)
    assert not ended.cut


def test_a_click_is_no_speech() -> None:
    endpointer = Endpointer(Endpointing())
    assert hear(endpointer, [*chunks(1, 0.0), 0.99, *chunks(1, 0.0), 0.99]) == []


def test_a_short_pause_or_a_doubtful_frame_ends_nothing() -> None:
    endpointer = Endpointer(Endpointing(silence_seconds=0.6, threshold=0.5))
    [_] = hear(endpointer, [*chunks(1, 0.9), *chunks(0.5, 0.0), *chunks(1, 0.9)])
    # Between the two thresholds nothing changes.
    assert hear(endpointer, chunks(3, 0.4)) == []
    [ended] = hear(endpointer, chunks(0.7, 0.0))
    assert isinstance(ended, Ended)


def test_the_next_utterance_takes_nothing_of_the_last() -> None:
    endpointer = Endpointer(Endpointing(silence_seconds=0.1, prefix_seconds=1.0))
    events = hear(endpointer, [*chunks(1, 0.9), *chunks(0.2, 0.0), *chunks(1, 0.9)])
    _, ended, began = events
    assert isinstance(ended, Ended)
    assert isinstance(began, Began)
    assert began.kept == ended.at


def test_without_a_pause_length_no_pause_ends_an_utterance() -> None:
    endpointer = Endpointer(Endpointing(silence_seconds=None, max_seconds=30))
    assert len(hear(endpointer, [*chunks(1, 0.9), *chunks(20, 0.0)])) == 1
    ended = endpointer.end(endpointer.position)
    assert ended is not None
    assert ended.until / 16_000 == pytest.approx(1.15, abs=2 * CHUNK)


def test_a_long_utterance_ends_at_the_next_short_pause() -> None:
    endpointer = Endpointer(Endpointing(silence_seconds=2.0, max_seconds=5.5))
    speech = [*chunks(3, 0.9), *chunks(0.15, 0.0)] * 2
    _, ended = hear(endpointer, speech)
    assert isinstance(ended, Ended)
    assert ended.at / 16_000 == pytest.approx(6.27, abs=0.1)
    assert not ended.cut


def test_without_any_pause_it_is_cut_where_speech_is_least_sure_and_goes_on_there() -> None:
    endpointer = Endpointer(Endpointing(max_seconds=4.0, prefix_seconds=0.0))
    _, ended, after = hear(
        endpointer, [*chunks(4, 0.95), 0.6, *chunks(1.0, 0.95), *chunks(1, 0.95), *chunks(1, 0.0)]
    )
    assert isinstance(ended, Ended)
    assert ended.cut
    assert ended.at / 16_000 == pytest.approx(4.0, abs=2 * CHUNK)
    # The rest is an utterance of its own, which begins right there.
    assert isinstance(after, Ended)
    assert not after.cut


def test_an_end_without_speech_is_none() -> None:
    endpointer = Endpointer(Endpointing())
    hear(endpointer, chunks(1, 0.1))
    assert endpointer.end(16_000) is None
