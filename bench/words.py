"""What a character model of unknown words changes: error rates, and the time of the search.

`nordlyd bench words`: sentences full of compounds and names that the demos' language models do not
know are spoken by espeak-ng, and decoded with the same penalty for each unknown word, as in
pyctcdecode, and with the score of its spelling; so are everyday sentences. The weights of the
latter are chosen on half of all sentences, with voices of the validation split; the figures are of
the other half, with voices of the test split. The time is measured in turns, on the same emissions;
the ratio is the median of those of all rounds, which other work on the machine changes little.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import truediv
from pathlib import Path

import jiwer
import numpy as np
import numpy.typing as npt
import torch

from app.acoustic import AcousticModel, load_checkpoint
from app.audio import SAMPLE_RATE
from app.catalogue import read_card
from app.decoding import BeamDecoder, DecodingOptions, LanguageModel, load_language_model
from bench.report import finish, interleaved, table
from bench.startup import bundled_demos

SLOWER_AIM = 0.10
_SENTENCES = Path(__file__).parent / "sentences"
_SEEDS = (20261129, 20261130)
_WEIGHTS = (0.25, 0.5, 0.75, 1.0)
_OFFSETS = (-2.0, 0.0, 2.0)
_FLAT = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Emitted:
    """Utterances as a model emitted them: float32 [frames, vocabulary] and the spoken text."""

    emissions: tuple[npt.NDArray[np.float32], ...]
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Error rates as shares, and the least processor seconds of all rounds.

    `unknown` is how many spoken words the language model does not know, `found` the share of them
    that is in the text.
    """

    wer: float
    cer: float
    unknown: int
    found: float
    seconds: float


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench words", description=__doc__)
    parser.add_argument(
        "--models", type=Path, nargs="+", help="checkpoints; default: the bundled demos"
    )
    parser.add_argument("--sentences", type=int, default=40, help="of each kind and language")
    parser.add_argument("--rounds", type=int, default=15, help="of the time")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    models = options.models or list(bundled_demos())
    finish(
        {
            "benchmark": "words",
            "slower_aim": SLOWER_AIM,
            "models": {
                folder.name: measure(folder, options.sentences, options.rounds) for folder in models
            },
        }
    )


def measure(folder: Path, count: int, rounds: int) -> dict[str, object]:
    """Chooses the weights for a model, compares, prints a table."""
    language = read_card(folder / "model.toml").languages[0]
    model = load_checkpoint(folder, dtype="float32")
    files = {"compounds": f"compounds.{language}", "everyday": language}
    sentences = {name: sentences_of(file, count) for name, file in files.items()}
    valid = [emit(model, language, lines[::2], "valid") for lines in sentences.values()]
    language_model = load_language_model(folder / "language_model")
    chosen = _choose(model, language_model, valid)
    tests = {name: emit(model, language, lines[1::2], "test") for name, lines in sentences.items()}
    weight, offset = chosen
    result: dict[str, object] = {"unk_character_weight": weight, "unk_character_offset": offset}
    rows = []
    for name, speech in tests.items():
        flat, spelled, ratio = _compare(model, language_model, speech, chosen, rounds)
        for kind, outcome in (("flat", flat), ("characters", spelled)):
            rows.append(
                [f"{name}, {kind}", str(outcome.unknown), f"{outcome.found:.1%}",
                 f"{outcome.wer:.2%}", f"{outcome.cer:.2%}", f"{1000 * outcome.seconds:.0f}"]
            )  # fmt: skip
            result |= {
                f"{name}_{kind}_wer": round(outcome.wer, 4),
                f"{name}_{kind}_cer": round(outcome.cer, 4),
                f"{name}_{kind}_unknown_found": round(outcome.found, 4),
            }
        result |= {f"{name}_unknown": flat.unknown, f"{name}_slower": round(ratio - 1, 3)}
    table(
        f"{folder.name}: weight {weight:g}, offset {offset:g}, chosen on other sentences",
        ["sentences, unknown words", "unknown", "found", "WER", "CER", "ms"],
        rows,
    )
    return result


def emit(model: AcousticModel, language: str, sentences: Sequence[str], split: str) -> Emitted:
    """Has espeak-ng speak sentences with the voices of a split, and encodes them."""
    from trainer.recipe import load_recipe  # noqa: PLC0415 - the extra `train`
    from trainer.speech.prepare import synthesis_of  # noqa: PLC0415
    from trainer.speech.synthesis import utterances  # noqa: PLC0415

    recipe = synthesis_of(load_recipe(f"demo-{language}"))
    emissions, references = [], []
    for seed in _SEEDS:
        for utterance, pcm in utterances(sentences, recipe, split=split, seed=seed):
            wave = pcm.astype(np.float32)
            wave = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
            emissions.append(np.asarray(model.emissions([wave])[0]))
            references.append(utterance.text)
    return Emitted(tuple(emissions), tuple(references))


def sentences_of(name: str, count: int) -> list[str]:
    """Returns at most so many of our sentences."""
    return (_SENTENCES / f"{name}.txt").read_text("utf-8").splitlines()[:count]


def _choose(
    model: AcousticModel, language_model: LanguageModel, speech: Sequence[Emitted]
) -> tuple[float, float]:
    """Returns the weight and the offset with the lowest sum of the word error rates."""

    def errors(setting: tuple[float, float]) -> float:
        scored = language_model.with_spelling(*setting)
        return sum(
            float(jiwer.wer(list(one.references), decode(model, scored, one))) for one in speech
        )

    return min(itertools.product(_WEIGHTS, _OFFSETS), key=errors)


def _compare(
    model: AcousticModel,
    language_model: LanguageModel,
    speech: Emitted,
    chosen: tuple[float, float],
    rounds: int,
) -> tuple[Outcome, Outcome, float]:
    """Decodes with both scores of unknown words; returns the ratio of their times as well."""
    known = language_model.unigrams or frozenset()
    scored = {
        "flat": language_model.with_spelling(*_FLAT),
        "characters": language_model.with_spelling(*chosen),
    }
    seconds = interleaved(
        {name: partial(decode, model, one, speech) for name, one in scored.items()},
        rounds=rounds,
        clock=time.process_time,
    )
    flat, spelled = (
        _outcome(speech.references, decode(model, one, speech), known, min(seconds[name]))
        for name, one in scored.items()
    )
    return flat, spelled, statistics.median(map(truediv, seconds["characters"], seconds["flat"]))


def decode(model: AcousticModel, language_model: LanguageModel, speech: Emitted) -> list[str]:
    """Returns the texts that the beam search finds with its defaults."""
    decoder = BeamDecoder(model.vocabulary, DecodingOptions(), language_model)
    frame = model.hop / SAMPLE_RATE
    return [
        decoder.decode(one, frame_seconds=frame, duration=len(one) * frame).text
        for one in speech.emissions
    ]


def _outcome(
    references: Sequence[str], texts: Sequence[str], known: frozenset[str], seconds: float
) -> Outcome:
    unknown, found = found_words(references, texts, lambda word: word not in known)
    return Outcome(
        wer=float(jiwer.wer(list(references), list(texts))),
        cer=float(jiwer.cer(list(references), list(texts))),
        unknown=unknown,
        found=found / max(1, unknown),
        seconds=seconds,
    )


def found_words(
    references: Sequence[str], texts: Sequence[str], counts: Callable[[str], bool]
) -> tuple[int, int]:
    """Returns how many such words were spoken, and how many of them are in their place."""
    spoken = found = 0
    aligned = jiwer.process_words(list(references), list(texts))
    for reference, chunks in zip(aligned.references, aligned.alignments, strict=True):
        spoken += sum(map(counts, reference))
        for chunk in chunks:
            if chunk.type == "equal":
                found += sum(map(counts, reference[chunk.ref_start_idx : chunk.ref_end_idx]))
    return spoken, found


if __name__ == "__main__":
    main()
