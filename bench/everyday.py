"""Word error rates of everyday sentences that no model was trained on.

`nordlyd bench everyday`: 36 sentences a language (`bench/sentences/`) are spoken by espeak-ng's
voice itself, without a variant, at several rates and without noise, and decoded along the best
path, by beam search, and with the model's language model at its own weights.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import jiwer
import numpy as np
import numpy.typing as npt
import soxr
import torch

from app.acoustic import load_checkpoint
from app.audio import SAMPLE_RATE
from app.catalogue import read_card
from app.decoding import (
    BeamDecoder,
    Decoder,
    DecodingOptions,
    GreedyDecoder,
    load_language_model,
)
from app.text import normalise
from bench.report import finish, table
from bench.startup import bundled_demos

RATES = (0.7, 0.85, 1.0, 1.2, 1.4)
AIM_WER = 0.12
_WORDS_A_MINUTE = 175  # espeak-ng's own rate
_PITCH, _SEED = 50, 1  # its own pitch; of its flutter
_SILENCE_SECONDS = 0.15
_SENTENCES = Path(__file__).parent / "sentences"

Samples = npt.NDArray[np.float32]


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench everyday", description=__doc__)
    parser.add_argument(
        "--models", type=Path, nargs="+", help="checkpoints; default: the bundled demos"
    )
    parser.add_argument("--sentences", type=int, default=36, help="of each language")
    parser.add_argument(
        "--kokoro", type=int, default=0, metavar="VOICES", help="of Kokoro-82M, in turns"
    )
    parser.add_argument("--rates", default=",".join(map(str, RATES)), help="comma-separated")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    rates = [float(rate) for rate in options.rates.split(",")]
    finish(
        {
            "benchmark": "everyday",
            "aim_wer": AIM_WER,
            "models": {
                folder.name: measure(folder, options.sentences, rates, options.kokoro)
                for folder in options.models or bundled_demos()
            },
        }
    )


def measure(folder: Path, count: int, rates: Sequence[float], voices: int = 0) -> dict[str, object]:
    """Decodes the sentences of a model's language in three ways; prints a table."""
    language = read_card(folder / "model.toml").languages[0]
    model = load_checkpoint(folder, dtype="float32")
    lines = (_SENTENCES / f"{language}.txt").read_text("utf-8").splitlines()[:count]
    references = [normalise(line) for line in lines]
    decoders: dict[str, Decoder] = {
        "greedy": GreedyDecoder(model.vocabulary),
        "beam": BeamDecoder(model.vocabulary, DecodingOptions()),
        "beam_lm": BeamDecoder(
            model.vocabulary, DecodingOptions(), load_language_model(folder / "language_model")
        ),
    }
    texts: dict[str, list[str]] = {name: [] for name in decoders}
    for rate in rates:
        waves = spoken_by_kokoro(lines, language, rate, voices) if voices else None
        for wave in waves or spoken(lines, language, rate):
            emissions = np.asarray(model.emissions([wave])[0])
            frame = model.hop / SAMPLE_RATE
            for name, decoder in decoders.items():
                found = decoder.decode(
                    emissions, frame_seconds=frame, duration=len(emissions) * frame
                )
                texts[name].append(found.text)
    result: dict[str, object] = {}
    rows = []
    for name, written in texts.items():
        size = len(references)
        each = [
            float(jiwer.wer(references, written[at * size : (at + 1) * size]))
            for at in range(len(rates))
        ]
        whole = float(jiwer.wer(references * len(rates), written))
        result |= {f"{name}_wer": round(whole, 4), f"{name}_by_rate": [round(w, 4) for w in each]}
        rows.append([name, *(f"{wer:.1%}" for wer in each), f"{whole:.1%}"])
    table(
        f"{folder.name}: WER of {len(references)} everyday sentences at each rate",
        ["decoder", *(f"{rate:g}" for rate in rates), "all"],
        rows,
    )
    return result


def spoken(sentences: Sequence[str], language: str, rate: float) -> Iterator[Samples]:
    """Yields sentences as espeak-ng's own voice says them, normalised, float32 [samples]."""
    from trainer.speech.espeak import espeak  # noqa: PLC0415 - the extra `train`
    from trainer.speech.synthesis import trim  # noqa: PLC0415

    voice = _espeak_voice(language)
    words_a_minute = round(rate * _WORDS_A_MINUTE)
    for sentence in sentences:
        speech = espeak().speak(
            sentence, voice=voice, rate=words_a_minute, pitch=_PITCH, seed=_SEED
        )
        samples, _ = trim(speech.samples, speech.rate)
        yield _as_read(samples.astype(np.float32) / np.float32(2**15), speech.rate)


def spoken_by_kokoro(
    sentences: Sequence[str], language: str, rate: float, voices: int
) -> Iterator[Samples]:
    """Yields sentences as so many voices of Kokoro say them in turns, normalised."""
    from trainer.speech.espeak import espeak  # noqa: PLC0415 - the extra `train`
    from trainer.speech.kokoro import RATE, kokoro  # noqa: PLC0415 - the extra `kokoro`

    voice = _espeak_voice(language)
    names = kokoro().voices
    chosen = names[:: max(1, len(names) // voices)][:voices]
    for number, sentence in enumerate(sentences):
        speech = kokoro().speak(
            espeak().phonemes(sentence, voice=voice),
            language=voice, voice=chosen[number % len(chosen)], speed=rate,
        )  # fmt: skip
        yield _as_read(speech, RATE)


def _espeak_voice(language: str) -> str:
    from trainer.recipe import load_recipe  # noqa: PLC0415 - the extra `train`
    from trainer.speech.prepare import synthesis_of  # noqa: PLC0415

    return synthesis_of(load_recipe(f"demo-{language}")).voice


def _as_read(samples: Samples, rate: int) -> Samples:
    wave = soxr.resample(samples, rate, SAMPLE_RATE)
    wave = np.pad(wave, round(_SILENCE_SECONDS * SAMPLE_RATE))
    normalised: Samples = ((wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)).astype(np.float32)
    return normalised


if __name__ == "__main__":
    main()
