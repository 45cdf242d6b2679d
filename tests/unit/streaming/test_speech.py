"""The utterances that are found in whole recordings."""

from itertools import pairwise

import numpy as np
import pytest
import soundfile
from demo_model import DEMO

from app.audio import SAMPLE_RATE, Recording, Span
from app.streaming import SpeechFinder, find_vad_model

PAUSE = 2 * SAMPLE_RATE


@pytest.fixture(scope="module")
def finder() -> SpeechFinder:
    return SpeechFinder(find_vad_model())


def sample(number: int) -> np.ndarray:
    samples, rate = soundfile.read(DEMO / "samples" / f"sample-{number}.flac", dtype="float32")
    assert rate == SAMPLE_RATE
    return samples


def spans(finder: SpeechFinder, recording: Recording) -> list[Span]:
    return [span for found in finder.find(recording) for span in found]


def test_speech_between_pauses_is_found_and_the_pauses_are_not(finder: SpeechFinder) -> None:
    one, two = sample(1), sample(2)
    silence = np.zeros(PAUSE, np.float32)
    recording = Recording.from_samples(np.concatenate([silence, one, silence, two, silence]))
    found = spans(finder, recording)
    second = 2 * PAUSE + len(one)
    assert all(before.stop <= after.start for before, after in pairwise(found))
    first_half = [span for span in found if span.stop <= second]
    second_half = [span for span in found if span.start >= PAUSE + len(one)]
    assert len(first_half) + len(second_half) == len(found)
    for part, length in ((first_half, len(one)), (second_half, len(two))):
        assert 0.6 * length < sum(span.samples for span in part) < length + SAMPLE_RATE


def test_recording_longer_than_a_block_is_read_to_its_end(finder: SpeechFinder) -> None:
    speech = sample(1)
    silence = np.zeros(34 * SAMPLE_RATE, np.float32)
    recording = Recording.from_samples(np.concatenate([speech, silence, speech]))
    found = spans(finder, recording)
    assert found[0].start < SAMPLE_RATE
    assert found[-1].start > len(speech) + len(silence) - SAMPLE_RATE
    assert found[-1].stop <= recording.samples


@pytest.mark.parametrize("samples", [0, 100, 5 * SAMPLE_RATE])
def test_silence_has_no_utterances(finder: SpeechFinder, samples: int) -> None:
    assert spans(finder, Recording.from_samples(np.zeros(samples, np.float32))) == []
