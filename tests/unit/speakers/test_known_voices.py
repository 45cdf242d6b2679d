"""Voices of recordings, compared with known ones."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from speaker_weights import write_weights

from app.audio import Recording
from app.speakers import Diarizer, KnownVoice, Turn, name_speakers
from app.speakers.prints import embed_speech, spans_alone

A, B, C = np.eye(3, 192, dtype=np.float32)


def mixed(share: float, voice: np.ndarray = A, other: np.ndarray = B) -> np.ndarray:
    total = (1 - share) * voice + share * other
    return (total / np.linalg.norm(total)).astype(np.float32)


def test_speaker_has_the_name_of_the_known_voice_that_is_near() -> None:
    known = [KnownVoice("Kari", A), KnownVoice("Ola", B)]
    assert name_speakers({0: mixed(0.2), 1: C, 2: mixed(0.9)}, known) == {0: "Kari", 2: "Ola"}


def test_name_is_given_once_to_the_nearest_speaker() -> None:
    known = [KnownVoice("Kari", A)]
    assert name_speakers({0: mixed(0.3), 1: mixed(0.1)}, known) == {1: "Kari"}


def test_of_several_samples_with_one_name_the_nearest_counts() -> None:
    known = [KnownVoice("Kari", A), KnownVoice("Kari", C)]
    assert name_speakers({0: C, 1: B}, known) == {0: "Kari"}


def test_without_known_voices_or_speakers_there_are_no_names() -> None:
    assert name_speakers({0: A}, []) == {}
    assert name_speakers({}, [KnownVoice("Kari", A)]) == {}


def test_only_what_one_speaker_says_alone_counts() -> None:
    turns = (Turn(0.0, 4.0, 0), Turn(3.0, 9.0, 1), Turn(5.0, 6.0, 2), Turn(9.2, 9.5, 1))
    assert spans_alone(turns) == {0: [(0.0, 3.0)], 1: [(6.0, 9.0), (4.0, 5.0)]}
    assert spans_alone(()) == {}


SPANS = st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(0, 3))


@given(st.lists(SPANS, max_size=12))
def test_spans_alone_are_those_of_a_count_at_every_instant(
    spans: list[tuple[int, int, int]],
) -> None:
    turns = tuple(sorted((Turn(a, a + n, who) for a, n, who in spans), key=lambda t: t.start))
    found = {who: {t for a, b in own for t in range(int(a), int(b))}
             for who, own in spans_alone(turns).items()}  # fmt: skip
    expected: dict[int, set[int]] = {}
    for instant in range(61):
        speaking = {turn.speaker for turn in turns if turn.start <= instant < turn.end}
        if len(speaking) == 1:
            expected.setdefault(speaking.pop(), set()).add(instant)
    assert found == expected


def test_mean_voice_is_of_length_1_and_of_no_more_than_20_seconds() -> None:
    frames: list[int] = []

    def embed(features: np.ndarray) -> np.ndarray:
        frames.append(len(features))
        return A if len(frames) == 1 else B

    noise = np.random.default_rng(0).normal(0, 0.1, 16_000 * 15).astype(np.float32)
    voice = embed_speech([noise, noise], embed)
    assert voice is not None
    assert np.linalg.norm(voice) == pytest.approx(1.0)
    assert sum(frames) <= 2000
    assert max(frames) <= 400


def test_sound_that_is_too_short_has_no_voice() -> None:
    assert embed_speech([np.zeros(1600, np.float32)], lambda _: A) is None
    assert embed_speech([], lambda _: A) is None


def test_diarizer_has_the_voices_of_a_recording_and_of_single_utterances(tmp_path: Path) -> None:
    diarizer = Diarizer(write_weights(tmp_path / "speakers"))
    samples = np.random.default_rng(0).normal(0, 0.1, 64_000).astype(np.float32)
    recording = Recording.from_samples(samples)

    async def run() -> tuple[dict[int, np.ndarray], np.ndarray | None, np.ndarray | None]:
        return (
            await diarizer.voices(recording, (Turn(0.0, 4.0, 5), Turn(4.0, 4.1, 2))),
            await diarizer.embed(samples),
            await diarizer.embed(samples[:1000]),
        )

    voices, whole, short = asyncio.run(run())
    diarizer.close()
    assert set(voices) == {5}
    assert short is None
    assert whole is not None
    np.testing.assert_allclose(voices[5], whole, atol=1e-5)
