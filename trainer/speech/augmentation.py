"""Augments waveforms with the effects of rooms, telephone lines, codecs and noise.

Pure functions of a 16 kHz float32 waveform, numbers and a seeded generator. All but
`change_speed` leave every word where it was: filters have no delay, codecs' is taken out.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

from trainer.data.record import Waveform
from trainer.recipe import AugmentationRecipe, SynthesisRecipe

SAMPLE_RATE = 16000
TELEPHONE = (300.0, 3400.0)
"""The band of a telephone line in Hz, ITU-T G.712."""

_BANDS = (TELEPHONE, TELEPHONE, (200.0, 5000.0), (100.0, 4000.0), (80.0, 7000.0))
_BAND_ORDER = 8  # of the Butterworth magnitudes at either edge: 48 dB an octave
_EARLY_SECONDS = (0.002, 0.04)  # first reflections: walls at 0.3 m to 7 m
_REFLECTIONS = 6
_DIRECT_DB = (0.0, 15.0)  # direct speech above the reverberation: far to near microphone
_HUM_HZ = 50.0
_HUM_HARMONICS = 12
_MU = 255.0  # ITU-T G.711
_FULL_SCALE = 32000 / 32768
_NOISES = ("white", "pink", "hum", "speech", "babble")


@dataclass(frozen=True, slots=True)
class Codec:
    """A lossy format of libsndfile, its sample rate and the range of its compression level."""

    name: str
    format: str
    subtype: str
    rate: int
    compression: tuple[float, float]


CODECS = (
    Codec("mp3", "MP3", "MPEG_LAYER_III", 16000, (0.5, 0.99)),
    Codec("mp3", "MP3", "MPEG_LAYER_III", 8000, (0.3, 0.9)),
    Codec("opus", "OGG", "OPUS", 16000, (0.9, 0.985)),
    Codec("vorbis", "OGG", "VORBIS", 16000, (0.7, 1.0)),
)
"""Beside mu-law; levels chosen for about 8 to 40 kbit/s."""


def augment(
    wave: Waveform,
    recipe: SynthesisRecipe,
    generator: np.random.Generator,
    others: Sequence[Waveform] = (),
) -> tuple[Waveform, tuple[str, ...]]:
    """Applies level, room, noise, band and codec to speech, with the shares of the recipe.

    Args:
        wave: speech, [samples].
        recipe: shares and ranges.
        generator: of every choice.
        others: other speech, used as background; without any, such noise is pink.

    Returns:
        The waveform, as long as before and below full scale, and the names of the augmentations.
    """
    done: list[str] = []
    if not len(wave):
        return wave, ()
    wave = wave * _decibels(generator.uniform(*recipe.gain_db))
    if generator.random() < recipe.room_share:
        wave = add_room(wave, generator.uniform(*recipe.room_seconds), generator)
        done.append("room")
    if generator.random() < recipe.noise_share:
        kind = _NOISES[generator.integers(len(_NOISES))]
        if kind in {"speech", "babble"} and not others:
            kind = "pink"
        noise = make_noise(kind, len(wave), generator, others)
        wave = add_noise(wave, noise, generator.uniform(*recipe.noise_snr_db))
        done.append(f"noise: {kind}")
    if generator.random() < recipe.band_share:
        low, high = _BANDS[generator.integers(len(_BANDS))]
        wave = limit_band(wave, low, high)
        done.append(f"band: {low:.0f}-{high:.0f} Hz")
    if generator.random() < recipe.codec_share:
        choice = int(generator.integers(len(CODECS) + 1))
        if choice == len(CODECS):
            wave = mu_law(limit_level(wave))
            done.append("codec: mu-law")
        else:
            codec = CODECS[choice]
            wave = transcode(limit_level(wave), codec, generator.uniform(*codec.compression))
            done.append(f"codec: {codec.name}, {codec.rate // 1000} kHz")
    return limit_level(wave), tuple(done)


def vary(wave: Waveform, recipe: AugmentationRecipe, generator: np.random.Generator) -> Waveform:
    """Changes the speed and adds white or pink noise, with the shares of the recipe.

    Cheap enough to be done each time a waveform is read in training; the length changes with
    the speed.
    """
    if generator.random() < recipe.speed_share:
        wave = change_speed(wave, generator.uniform(*recipe.speed))
    if generator.random() < recipe.noise_share:
        kind = _NOISES[generator.integers(2)]
        noise = make_noise(kind, len(wave), generator)
        wave = add_noise(wave, noise, generator.uniform(*recipe.noise_snr_db))
    return limit_level(wave)


def change_speed(wave: Waveform, factor: float) -> Waveform:
    """Plays at `factor` times the speed, pitch included; times in it are divided by the factor.

    Ko et al. 2015, Audio augmentation for speech recognition, doi:10.21437/Interspeech.2015-711.
    """
    return _resample(wave, SAMPLE_RATE * factor, SAMPLE_RATE)


def add_room(wave: Waveform, seconds: float, generator: np.random.Generator) -> Waveform:
    """Convolves speech with the impulse response of a room; the tail past the end is cut off."""
    return _convolve(wave, room_response(seconds, generator))


def room_response(seconds: float, generator: np.random.Generator) -> Waveform:
    """Returns the impulse response of a made-up room whose sound falls by 60 dB in `seconds`.

    The direct sound is its first sample, so that nothing is delayed; a few reflections and
    exponentially decaying noise follow (Polack's model, as in Habets 2006).
    """
    length = max(2, round(seconds * SAMPLE_RATE))
    decay = 10 ** (-3 * np.arange(length) / length)
    tail = generator.standard_normal(length) * decay
    tail[: min(length, round(_EARLY_SECONDS[1] / 2 * SAMPLE_RATE))] = 0.0
    delays = (generator.uniform(*_EARLY_SECONDS, _REFLECTIONS) * SAMPLE_RATE).astype(np.int64)
    strengths = generator.uniform(0.3, 0.9, _REFLECTIONS) * generator.choice((-1, 1), _REFLECTIONS)
    early = np.zeros(length)
    early[delays[delays < length]] = (strengths * decay[delays % length])[delays < length]
    early_energy, tail_energy = float(np.sum(early**2)), float(np.sum(tail**2))
    if tail_energy:
        # As much in the tail as in the first reflections: half way between carpet and tiles.
        tail *= np.sqrt(max(early_energy, 1e-3) / tail_energy)
    reverberation = early + tail
    energy = float(np.sum(reverberation**2))
    level = _decibels(-generator.uniform(*_DIRECT_DB)) / np.sqrt(max(energy, 1e-9))
    response: Waveform = (reverberation * level).astype(np.float32)
    response[0] = 1.0
    return response


def make_noise(
    kind: str, length: int, generator: np.random.Generator, others: Sequence[Waveform] = ()
) -> Waveform:
    """Returns `length` samples of noise at any level.

    Args:
        kind: white, pink (3 dB an octave), hum (mains and its harmonics), speech (one other
            voice) or babble (several).
        length: samples.
        generator: of every choice.
        others: the other voices, each repeated where it is shorter.
    """
    if kind == "hum":
        times = np.arange(length) / SAMPLE_RATE
        strengths = generator.uniform(0.0, 1.0, _HUM_HARMONICS) / np.arange(1, _HUM_HARMONICS + 1)
        phases = generator.uniform(0.0, 2 * np.pi, _HUM_HARMONICS)
        pitch = _HUM_HZ * generator.uniform(0.995, 1.005)
        waves = (
            strength * np.sin(2 * np.pi * pitch * number * times + phase)
            for number, (strength, phase) in enumerate(zip(strengths, phases, strict=True), start=1)
        )
        hum: Waveform = np.sum(list(waves), axis=0).astype(np.float32)
        return hum
    if kind in {"speech", "babble"}:
        voices = 1 if kind == "speech" else int(generator.integers(3, 7))
        total = np.zeros(length, np.float32)
        for _ in range(voices):
            other = others[int(generator.integers(len(others)))]
            total += np.resize(np.roll(other, int(generator.integers(len(other)))), length)
        return total
    white = generator.standard_normal(length).astype(np.float32)
    return _pink(white) if kind == "pink" else white


def add_noise(wave: Waveform, noise: Waveform, snr_db: float) -> Waveform:
    """Adds noise at a ratio of the two powers; silence on either side leaves the wave as it is."""
    speech_power, noise_power = float(np.mean(wave**2)), float(np.mean(noise**2))
    if not speech_power or not noise_power:
        return wave
    level = np.sqrt(speech_power / noise_power) * _decibels(-snr_db)
    noisy: Waveform = (wave + level * noise).astype(np.float32)
    return noisy


def limit_band(wave: Waveform, low: float, high: float) -> Waveform:
    """Keeps what lies between two frequencies in Hz; without phase, so nothing moves."""
    size = _fast_length(len(wave))
    spectrum = np.fft.rfft(wave, size)
    frequencies = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    frequencies[0] = 1e-3
    order = 2 * _BAND_ORDER
    with np.errstate(over="ignore"):
        spectrum /= np.sqrt(
            (1 + (low / frequencies) ** order) * (1 + (frequencies / high) ** order)
        )
    return np.fft.irfft(spectrum, size)[: len(wave)].astype(np.float32)


def mu_law(wave: Waveform) -> Waveform:
    """Quantises to the 8 bits of ITU-T G.711 at 8 kHz; expects -1..1."""
    narrow = _resample(wave, SAMPLE_RATE, SAMPLE_RATE / 2)
    narrow = np.clip(narrow, -1, 1)
    compressed = np.sign(narrow) * np.log1p(_MU * np.abs(narrow)) / np.log1p(_MU)
    coded = np.round(compressed * 127) / 127
    expanded = np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(_MU)) / _MU
    return _fit(_resample(expanded.astype(np.float32), SAMPLE_RATE / 2, SAMPLE_RATE), len(wave))


def transcode(wave: Waveform, codec: Codec, compression: float) -> Waveform:
    """Encodes and decodes in memory; libsndfile takes the encoder's delay out again."""
    file = io.BytesIO()
    soundfile.write(
        file,
        _resample(wave, SAMPLE_RATE, codec.rate),
        codec.rate,
        format=codec.format,
        subtype=codec.subtype,
        compression_level=compression,
    )
    file.seek(0)
    decoded, rate = soundfile.read(file, dtype="float32")
    return _fit(_resample(decoded, rate, SAMPLE_RATE), len(wave))


def limit_level(wave: Waveform) -> Waveform:
    """Turns down what would exceed full scale."""
    peak = float(np.max(np.abs(wave), initial=0.0))
    return (wave * (_FULL_SCALE / peak) if peak > _FULL_SCALE else wave).astype(np.float32)


def _decibels(value: float) -> float:
    return float(10 ** (value / 20))


def _pink(white: Waveform) -> Waveform:
    size = _fast_length(len(white))
    spectrum = np.fft.rfft(white, size)
    spectrum /= np.sqrt(np.arange(len(spectrum)) + 1.0)
    return np.fft.irfft(spectrum, size)[: len(white)].astype(np.float32)


def _resample(wave: Waveform, rate: float, required: float) -> Waveform:
    if rate == required:
        return wave
    resampled: Waveform = soxr.resample(wave, rate, required)
    return resampled


def _fit(wave: Waveform, length: int) -> Waveform:
    return wave[:length] if len(wave) >= length else np.pad(wave, (0, length - len(wave)))


def _convolve(wave: Waveform, response: Waveform) -> Waveform:
    size = _fast_length(len(wave) + len(response) - 1)
    product = np.fft.rfft(wave, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product, size)[: len(wave)].astype(np.float32)


def _fast_length(length: int) -> int:
    """Returns the next length of 2, 3 or 5 times a power of two, at which an FFT is quick."""
    power = max(3, (length - 1).bit_length())
    sizes = (1 << power, 3 << power - 2, 5 << power - 3)
    return min(size for size in sizes if size >= length)
