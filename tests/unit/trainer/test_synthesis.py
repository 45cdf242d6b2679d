"""Sentences in, speech with word times out."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainer.data.store import SAMPLE_RATE, read_split
from trainer.errors import DataError, SynthesisError
from trainer.recipe import Recipe
from trainer.speech.espeak import espeak
from trainer.speech.synthesis import trim, utterances, word_starts

SPEAK = """
from pathlib import Path
from trainer.recipe import load_recipe
from trainer.data.store import write_split
from trainer.speech.synthesis import utterances
spoken = utterances({sentences}, load_recipe("demo-nb").synthesis, split="train", seed={seed})
write_split(Path({folder!r}), "train", spoken)
"""
SENTENCES = ("det er en prøve på tale", "vi går hjem om natten")


def test_the_same_recipe_speaks_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        script = SPEAK.format(sentences=SENTENCES, seed=seed, folder=str(tmp_path / name))
        subprocess.run([sys.executable, "-c", script], check=True)
    for file in ("train.pcm", "train.jsonl"):
        one, two, three = (
            (tmp_path / name / file).read_bytes() for name in ("one", "two", "three")
        )
        assert one == two != three


def test_every_word_starts_within_its_utterance_where_its_sound_is(recipe: Recipe) -> None:
    quiet = replace(recipe.synthesis, noise_share=0.0)
    for utterance, samples in utterances(SENTENCES, quiet, split="train", seed=1):
        words = utterance.text.split()
        starts = utterance.word_starts
        assert len(starts) == len(words)
        assert list(starts) == sorted(starts)
        assert 0 <= starts[0] <= recipe.synthesis.silence_seconds[1] + 0.05
        assert starts[-1] < utterance.seconds
        before = samples[: max(1, int((starts[0] - 0.02) * SAMPLE_RATE))]
        after = samples[int(starts[0] * SAMPLE_RATE) :]
        assert np.abs(before).max() < np.abs(after).max() / 20


def test_a_word_starts_when_those_before_it_are_said() -> None:
    speaker = espeak()
    starts = []
    for text in ("det er en fisk", "det er en sommerdag"):
        speech = speaker.speak(text, voice="nb", rate=150, pitch=50)
        starts.append(word_starts(text, speech.word_starts)[3])
    before = speaker.speak("det er en", voice="nb", rate=150, pitch=50)
    assert starts[0] == pytest.approx(starts[1], abs=0.03)
    assert 0.2 < starts[0] <= len(before.samples) / before.rate


def test_held_out_splits_have_voices_of_their_own(data: Path) -> None:
    speakers = {
        split: {item.speaker for item in read_split(data, split).utterances}
        for split in ("train", "valid", "test")
    }
    assert speakers["train"].isdisjoint(speakers["valid"] | speakers["test"])
    assert speakers["valid"].isdisjoint(speakers["test"])


def test_words_without_an_event_of_their_own_begin_with_the_one_before() -> None:
    assert word_starts("i det hele tatt", [(0, 0.0), (6, 0.4), (11, 0.7)]) == [0.0, 0.0, 0.4, 0.7]


def test_silence_is_trimmed_and_its_length_told() -> None:
    samples = np.concatenate([np.zeros(100), np.full(50, 900), np.zeros(20)]).astype(np.int16)
    rest, offset = trim(samples, 100)
    assert len(rest) == 50
    assert offset == pytest.approx(1.0)
    assert len(trim(np.zeros(5, np.int16), 100)[0]) == 5


def test_an_unknown_voice_is_refused() -> None:
    with pytest.raises(SynthesisError, match="no voice 'xx-nowhere'"):
        espeak().speak("hei", voice="xx-nowhere", rate=150, pitch=50)


def test_speech_over_the_longest_is_left_out(recipe: Recipe) -> None:
    short = replace(recipe.synthesis, max_seconds=0.5)
    assert list(utterances(SENTENCES, short, split="train", seed=1)) == []


def test_a_broken_data_folder_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train.pcm is missing.*synthesise"):
        read_split(tmp_path, "train")
    for suffix in ("pcm", "jsonl"):
        content = (data / f"train.{suffix}").read_bytes()
        (tmp_path / f"train.{suffix}").write_bytes(content[:-2] if suffix == "pcm" else content)
    with pytest.raises(DataError, match="bytes"):
        read_split(tmp_path, "train")
