"""Synthesised utterances and their word times."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from trainer.data.store import SAMPLE_RATE, Utterance, read_split
from trainer.errors import DataError, SynthesisError
from trainer.recipe_schema import SynthesisRecipe
from trainer.speech.augmentation import augment
from trainer.speech.espeak import Event, SpokenWord, espeak, spoken_words
from trainer.speech.synthesis import trim, utterances, word_times

SPEAK = """
from pathlib import Path
from trainer.recipe import load_recipe
from trainer.data.store import write_split
from trainer.speech.synthesis import utterances
spoken = utterances({sentences}, load_recipe("demo-nb").synthesis, split="train", seed={seed})
write_split(Path({folder!r}), "train", spoken)
"""
SENTENCES = (
    "det er en prøve på tale",
    "vi går hjem om natten",
    "han leser en bok om båten som ligger i havnen",
    "hun har en hest",
)


@pytest.fixture(scope="module")
def quiet(synthesis: SynthesisRecipe) -> SynthesisRecipe:
    """A recipe without augmentation."""
    return replace(
        synthesis, room_share=0, noise_share=0, band_share=0, codec_share=0, speed_share=0
    )


@pytest.mark.long
def test_synthesis_is_reproducible_in_another_process(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        script = SPEAK.format(sentences=SENTENCES, seed=seed, folder=str(tmp_path / name))
        subprocess.run([sys.executable, "-c", script], check=True)
    for file in ("train.pcm", "train.jsonl"):
        one, two, three = (
            (tmp_path / name / file).read_bytes() for name in ("one", "two", "three")
        )
        assert one == two != three


def test_rate_of_training_is_not_that_of_held_out_speech(quiet: SynthesisRecipe) -> None:
    recipe = replace(quiet, rate=(150, 150), train_rate=(220, 240))
    rates = {
        split: [item.rate for item, _ in utterances(SENTENCES, recipe, split=split, seed=1)]
        for split in ("train", "valid", "test")
    }
    assert all(220 <= rate <= 240 for rate in rates["train"])
    assert set(rates["valid"] + rates["test"]) == {150}


def test_word_times_lie_within_the_utterance_and_match_the_signal(
    quiet: SynthesisRecipe,
) -> None:
    for utterance, samples in utterances(SENTENCES, quiet, split="train", seed=1):
        starts, ends = utterance.word_starts, utterance.word_ends
        assert len(starts) == len(ends) == len(utterance.text.split())
        assert list(starts) == sorted(set(starts))
        assert all(start < end for start, end in zip(starts, ends, strict=True))
        assert all(end <= later for end, later in zip(ends, starts[1:], strict=False))
        level = np.abs(samples.astype(np.int32))
        before = level[: max(1, int((starts[0] - 0.02) * SAMPLE_RATE))]
        after = level[int((ends[-1] + 0.1) * SAMPLE_RATE) :]
        speech = level[int(starts[0] * SAMPLE_RATE) : int(ends[-1] * SAMPLE_RATE)]
        assert before.max() < speech.max() / 20
        assert after.max(initial=0) < speech.max() / 20
        assert ends[-1] <= utterance.seconds


def test_pauses_lie_outside_all_words() -> None:
    text = "vi går hjem, om natten"
    speech = espeak().speak(text, voice="nb", rate=150, pitch=50)
    starts, ends = word_times(text, speech.words)
    assert starts[3] - ends[2] > 0.1
    pause = speech.samples[int((ends[2] + 0.02) * speech.rate) : int(starts[3] * speech.rate)]
    assert np.abs(pause.astype(np.int32)).max() < np.abs(speech.samples).max() / 20


def test_word_starts_after_preceding_words_end() -> None:
    speaker = espeak()
    starts = []
    for text in ("det er en fisk", "det er en sommerdag"):
        speech = speaker.speak(text, voice="nb", rate=150, pitch=50)
        starts.append(word_times(text, speech.words)[0][3])
    before = speaker.speak("det er en", voice="nb", rate=150, pitch=50)
    assert starts[0] == pytest.approx(starts[1], abs=0.03)
    assert starts[0] == pytest.approx(before.words[-1].end, abs=0.1)


def test_speed_scales_the_word_times(quiet: SynthesisRecipe) -> None:
    def spoken(speed: float) -> list[Utterance]:
        recipe = replace(quiet, speed_share=1.0, speed=(speed, speed))
        return [item for item, _ in utterances(SENTENCES, recipe, split="train", seed=1)]

    for normal, slow in zip(spoken(1.0), spoken(0.9), strict=True):
        assert slow.augmentation == ("speed",)
        times = [normal.word_starts + normal.word_ends, slow.word_starts + slow.word_ends]
        first, second = (
            np.subtract(one, item.word_starts[0])
            for one, item in zip(times, (normal, slow), strict=True)
        )
        assert second == pytest.approx(first / 0.9, abs=0.02)


def test_augmentation_keeps_speech_position(
    synthesis: SynthesisRecipe, quiet: SynthesisRecipe
) -> None:
    rough = replace(synthesis, room_share=1, noise_share=1, band_share=1, codec_share=1)
    for seed, (_, samples) in enumerate(utterances(SENTENCES, quiet, split="train", seed=1)):
        wave = samples.astype(np.float32) / 32768
        changed, done = augment(wave, rough, np.random.default_rng(seed), [wave[::-1].copy()])
        assert len(done) == 4
        size = 2 * len(wave)
        spectra = np.fft.rfft(wave, size).conj() * np.fft.rfft(changed, size)
        lag = int(np.abs(np.fft.irfft(spectra)).argmax())
        assert min(lag, size - lag) / SAMPLE_RATE < 0.002


def test_held_out_splits_have_their_own_voices(data: Path, synthesis: SynthesisRecipe) -> None:
    speakers = {
        split: {item.speaker for item in read_split(data, split).utterances}
        for split in ("train", "valid", "test")
    }
    named = {
        "train": set(synthesis.train_variants),
        "valid": set(synthesis.valid_variants),
        "test": set(synthesis.test_variants),
    }
    for groups in (speakers, named):
        assert groups["train"].isdisjoint(groups["valid"] | groups["test"])
        assert groups["valid"].isdisjoint(groups["test"])


def test_every_voice_of_the_recipe_is_used(synthesis: SynthesisRecipe) -> None:
    groups = (synthesis.train_variants, synthesis.valid_variants, synthesis.test_variants)
    sounds = {}
    for variant in (variant for group in groups for variant in group):
        voice = f"nb+{variant}" if variant else "nb"
        speech = espeak().speak("det er en prøve", voice=voice, rate=160, pitch=50)
        assert len(speech.words) == 4
        sounds[variant] = speech.samples.tobytes()
    assert len(set(sounds.values())) == len(sounds)


def test_split_and_merged_words_keep_plausible_times() -> None:
    events = [SpokenWord(0, 0.0, 0.3), SpokenWord(6, 0.4, 0.5), SpokenWord(8, 0.5, 0.7)]
    starts, ends = word_times("i det hele", events)
    assert starts == [0.0, 0.0, 0.4]
    assert ends == [0.3, 0.3, 0.7]


def test_word_ends_with_its_last_phoneme() -> None:
    events = [
        *(Event(0.0, pause=True), Event(0.1, position=0), Event(0.12), Event(0.2)),
        *(Event(0.3, position=3), Event(0.3), Event(0.4, pause=True), Event(0.5)),
        *(Event(0.6, pause=True), Event(0.8, pause=True)),
    ]
    words = spoken_words(events, duration=0.9)
    assert words == [SpokenWord(0, 0.1, 0.3), SpokenWord(3, 0.3, 0.6)]
    assert all(one.end <= two.start for one, two in pairwise(words))
    assert spoken_words([Event(0.1, position=0), Event(0.1)], duration=0.5)[0].end == 0.5


def test_silence_is_trimmed_and_its_length_returned() -> None:
    samples = np.concatenate([np.zeros(100), np.full(50, 900), np.zeros(20)]).astype(np.int16)
    rest, offset = trim(samples, 100)
    assert len(rest) == 50
    assert offset == pytest.approx(1.0)
    assert len(trim(np.zeros(5, np.int16), 100)[0]) == 5


def test_unknown_voice_is_refused() -> None:
    with pytest.raises(SynthesisError, match="no voice 'xx-nowhere'"):
        espeak().speak("hei", voice="xx-nowhere", rate=150, pitch=50)


def test_utterance_over_the_maximum_length_is_left_out(synthesis: SynthesisRecipe) -> None:
    short = replace(synthesis, max_seconds=0.5)
    assert list(utterances(SENTENCES, short, split="train", seed=1)) == []


def test_invalid_data_folder_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train.pcm is missing.*synthesise"):
        read_split(tmp_path, "train")
    for suffix in ("pcm", "jsonl"):
        content = (data / f"train.{suffix}").read_bytes()
        (tmp_path / f"train.{suffix}").write_bytes(content[:-2] if suffix == "pcm" else content)
    with pytest.raises(DataError, match="bytes"):
        read_split(tmp_path, "train")
