"""Augmentation changes the level and the quality of clicks, but not their times."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from trainer.data.record import Waveform
from trainer.recipe_schema import AugmentationRecipe, SynthesisRecipe
from trainer.speech.augmentation import (
    CODECS,
    SAMPLE_RATE,
    add_noise,
    add_room,
    augment,
    change_speed,
    limit_band,
    limit_level,
    make_noise,
    mu_law,
    room_response,
    transcode,
    vary,
)

CLICKS = (0.31, 0.9, 1.404, 2.05, 2.7)
SECONDS = 3.0
TOLERANCE = 0.003


def clicks(seconds: float = SECONDS, places: tuple[float, ...] = CLICKS) -> Waveform:
    """Pulses of 1 kHz, 5 ms long, each with its middle at one of the places."""
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pulses = [
        np.exp(-(((times - place) / 0.0025) ** 2)) * np.cos(2 * np.pi * 1000 * (times - place))
        for place in places
    ]
    return (0.8 * np.sum(pulses, axis=0)).astype(np.float32)


def found(wave: Waveform, expected: tuple[float, ...]) -> list[float]:
    """Where the wave is most like a click, within 50 ms of each expected place."""
    likeness = np.abs(np.correlate(wave, clicks(0.02, (0.01,)), mode="same"))
    places = []
    for place in expected:
        first = round((place - 0.05) * SAMPLE_RATE)
        window = likeness[first : first + round(0.1 * SAMPLE_RATE)]
        places.append((first + int(window.argmax())) / SAMPLE_RATE)
    return places


def in_room(wave: Waveform) -> Waveform:
    return add_room(wave, 0.4, np.random.default_rng(3))


def on_the_phone(wave: Waveform) -> Waveform:
    return limit_band(wave, 300, 3400)


def in_noise(wave: Waveform) -> Waveform:
    return add_noise(wave, make_noise("pink", len(wave), np.random.default_rng(4)), 12)


def through(number: int, compression: int) -> Callable[[Waveform], Waveform]:
    codec = CODECS[number]
    return lambda wave: transcode(wave, codec, codec.compression[compression])


STEPS: dict[str, Callable[[Waveform], Waveform]] = {
    "room": in_room,
    "band": on_the_phone,
    "noise": in_noise,
    "mu-law": mu_law,
    "level": lambda wave: limit_level(3 * wave),
}
STEPS |= {
    f"{codec.name} {codec.rate} {('best', 'worst')[end]}": through(number, end)
    for number, codec in enumerate(CODECS)
    for end in (0, 1)
}


@pytest.mark.parametrize("step", STEPS)
def test_each_augmentation_keeps_length_and_click_positions(step: str) -> None:
    wave = clicks()
    changed = STEPS[step](wave)
    assert changed.dtype == np.float32
    assert changed.shape == wave.shape
    assert not np.array_equal(changed, wave)
    assert found(changed, CLICKS) == pytest.approx(CLICKS, abs=TOLERANCE)


@pytest.mark.parametrize("factor", [0.9, 0.95, 1.0, 1.1])
def test_speed_divides_length_and_times_by_its_factor(factor: float) -> None:
    changed = change_speed(clicks(), factor)
    expected = tuple(place / factor for place in CLICKS)
    assert len(changed) == pytest.approx(SECONDS * SAMPLE_RATE / factor, abs=1)
    assert found(changed, expected) == pytest.approx(expected, abs=TOLERANCE)


def test_all_augmentations_together_keep_click_positions(synthesis: SynthesisRecipe) -> None:
    everything = replace(
        synthesis, room_share=1.0, noise_share=1.0, band_share=1.0, codec_share=1.0
    )
    others = [make_noise("pink", 8000, np.random.default_rng(1))]
    for seed in range(8):
        wave, done = augment(clicks(), everything, np.random.default_rng(seed), others)
        assert [name.split(":")[0] for name in done] == ["room", "noise", "band", "codec"]
        assert len(wave) == SECONDS * SAMPLE_RATE
        assert np.abs(wave).max() < 1
        assert found(wave, CLICKS) == pytest.approx(CLICKS, abs=TOLERANCE)


def test_zero_probabilities_change_only_the_level(synthesis: SynthesisRecipe) -> None:
    nothing = replace(synthesis, room_share=0, noise_share=0, band_share=0, codec_share=0)
    wave, done = augment(clicks(), nothing, np.random.default_rng(0))
    assert done == ()
    loud = np.abs(clicks()) > 0.1
    ratio = wave[loud] / clicks()[loud]
    assert ratio == pytest.approx(ratio[0], rel=1e-3)


@pytest.mark.parametrize("kind", ["white", "pink", "hum", "speech", "babble"])
def test_noise_level_has_the_signal_to_noise_ratio(kind: str) -> None:
    others = [clicks(0.5, (0.1, 0.3)), clicks(2.0, (0.7,))]
    wave = clicks()
    noise = make_noise(kind, len(wave), np.random.default_rng(2), others)
    assert len(noise) == len(wave)
    left = add_noise(wave, noise, 12.0) - wave
    assert 10 * np.log10(np.mean(wave**2) / np.mean(left**2)) == pytest.approx(12, abs=0.1)


def test_pink_noise_falls_by_three_decibels_an_octave() -> None:
    noise = make_noise("pink", 1 << 17, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2
    low, high = power[2048:4096].mean(), power[16384:32768].mean()
    assert 10 * np.log10(low / high) == pytest.approx(9, abs=0.5)


def test_telephone_filter_passes_only_its_band() -> None:
    noise = make_noise("white", 1 << 16, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(limit_band(noise, 300, 3400)))
    frequencies = np.fft.rfftfreq(1 << 16, 1 / SAMPLE_RATE)
    inside = spectrum[(frequencies > 400) & (frequencies < 3000)].mean()
    assert spectrum[frequencies < 150].mean() < inside / 100
    assert spectrum[frequencies > 6000].mean() < inside / 50


def test_reverberation_has_its_decay_time_and_no_delay() -> None:
    response = room_response(0.5, np.random.default_rng(7))
    assert response[0] == np.abs(response).max() == 1
    early = np.mean(response[round(0.05 * SAMPLE_RATE) : round(0.1 * SAMPLE_RATE)] ** 2)
    late = np.mean(response[round(0.35 * SAMPLE_RATE) : round(0.4 * SAMPLE_RATE)] ** 2)
    assert 10 * np.log10(early / late) == pytest.approx(36, abs=3)


@pytest.mark.parametrize("length", [0, 1, 7, 400])
def test_very_short_audio_can_be_augmented(length: int, synthesis: SynthesisRecipe) -> None:
    everything = replace(
        synthesis, room_share=1.0, noise_share=1.0, band_share=1.0, codec_share=1.0
    )
    for seed in range(6):
        wave, _ = augment(np.zeros(length, np.float32), everything, np.random.default_rng(seed))
        assert wave.shape == (length,)
        assert np.isfinite(wave).all()


def test_training_augments_at_configured_rates() -> None:
    recipe = AugmentationRecipe(
        speed_share=0.5, speed=(0.9, 1.1), noise_share=0.5, noise_snr_db=(10.0, 20.0)
    )
    wave = clicks()
    changed = [vary(wave, recipe, np.random.default_rng(seed)) for seed in range(60)]
    lengths = [len(one) / len(wave) for one in changed]
    assert 15 < sum(length != 1 for length in lengths) < 45
    assert 1 / 1.1 - 0.01 < min(lengths) < max(lengths) < 1 / 0.9 + 0.01
    same = [one for one in changed if len(one) == len(wave)]
    assert 0 < sum(np.array_equal(one, wave) for one in same) < len(same)
    again = vary(wave, recipe, np.random.default_rng(9))
    assert np.array_equal(again, changed[9])
