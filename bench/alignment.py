"""Word times of ours, of pyctcdecode's beam and of transformers' pipeline, against known ones.

`nordlyd bench alignment`: speech is synthesised by espeak-ng, which reports when each word begins
and ends; every system decodes it by itself, and the words that all of them got right are
compared. `--data` takes the test split of a folder of synthesised speech instead.
"""

import argparse
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import numpy.typing as npt

from app.acoustic import AcousticModel, load_checkpoint
from app.audio import SAMPLE_RATE
from app.catalogue import read_card
from app.decoding import DecodingOptions, ModelDecoders
from app.decoding.columns import Alphabet
from bench.report import finish, table
from bench.startup import bundled_demos

AIM = 0.5
_SEED = 20260314

Times = list[tuple[str, float, float]]
"""Words with their starts and ends in seconds."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One utterance, float32 at 16 kHz, and when its words begin and end."""

    waveform: npt.NDArray[np.float32]
    words: Times


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench alignment", description=__doc__)
    parser.add_argument("--model", type=Path, help="checkpoint; default: the first bundled demo")
    parser.add_argument("--data", type=Path, help="folder of synthesised speech: its test split")
    parser.add_argument("--utterances", type=int, default=100)
    arguments = parser.parse_args(argv)
    folder = arguments.model or next(iter(bundled_demos()), None)
    if folder is None:
        parser.error("there is no bundled demo model; name a checkpoint with --model")
    with tempfile.TemporaryDirectory() as scratch:
        data = arguments.data or synthesised(folder, Path(scratch), arguments.utterances)
        speech = list(islice(spoken(data), arguments.utterances))
    finish(measure(folder, speech))


def synthesised(model: Path, folder: Path, count: int) -> Path:
    """Speaks sentences with numbers, dates and names in the model's language."""
    from trainer.data.store import write_split  # noqa: PLC0415 - the extra `train`
    from trainer.recipe import load_recipe  # noqa: PLC0415
    from trainer.speech.prepare import synthesis_of  # noqa: PLC0415
    from trainer.speech.synthesis import utterances  # noqa: PLC0415
    from trainer.text.numbers import number_sentences  # noqa: PLC0415

    language = read_card(model / "model.toml").languages[0]
    recipe = synthesis_of(load_recipe(f"demo-{language}"))
    sentences = list(islice(number_sentences(language, seed=_SEED), count))
    write_split(folder, "test", utterances(sentences, recipe, split="test", seed=_SEED))
    return folder


def spoken(data: Path) -> Iterator[Spoken]:
    """The test split of a folder of synthesised speech."""
    from trainer.data.store import read_split  # noqa: PLC0415 - the extra `train`

    split = read_split(data, "test")
    for index, item in enumerate(split.utterances):
        words = item.text.split()
        if len(words) == len(item.word_starts) == len(item.word_ends):
            times = list(zip(words, item.word_starts, item.word_ends, strict=True))
            yield Spoken(split.waveform(index), times)


def measure(folder: Path, speech: Sequence[Spoken]) -> dict[str, object]:
    """Decodes by every system, compares, prints a table."""
    model = load_checkpoint(folder, dtype="float32")
    emissions = [model.emissions([item.waveform])[0] for item in speech]
    systems: dict[str, list[Times]] = {
        "ours": ours(folder, model, speech, emissions),
        "aligned": aligned(folder, model, speech, emissions),
        "pyctcdecode": pyctcdecode(model, emissions),
        "transformers": transformers(folder, speech),
    }
    errors = compare(speech, systems)
    rows, result = [], {"benchmark": "alignment", "model": folder.name, "utterances": len(speech)}
    for name, (starts, ends) in errors.items():
        both = np.concatenate((starts, ends))
        figures = [
            float(figure)
            for off in (starts, ends, both)
            for figure in (off.mean(), np.quantile(off, 0.95))
        ]
        rows.append([name, *(f"{1000 * figure:.1f}" for figure in figures)])
        prefix = "" if name == "ours" else f"{name}_"
        result |= {
            f"{prefix}mean_error_s": round(figures[4], 5),
            f"{prefix}p95_error_s": round(figures[5], 5),
            f"{prefix}start_mean_error_s": round(figures[0], 5),
            f"{prefix}end_mean_error_s": round(figures[2], 5),
        }
    words = len(errors["ours"][0])
    table(
        f"{folder.name}: word times, {words} words right in all of {len(speech)} utterances, ms",
        ["", "start, mean", "95 %", "end, mean", "95 %", "both, mean", "95 %"],
        rows,
    )
    ratio = {
        name: float(result["mean_error_s"]) / float(result[f"{name}_mean_error_s"])  # type: ignore[arg-type]
        for name in ("pyctcdecode", "transformers")
    }
    return result | {
        "words": words,
        **{f"ours_over_{name}": round(value, 3) for name, value in ratio.items()},
        "aim": AIM,
        "holds": max(ratio.values()) <= AIM,
    }


def ours(
    folder: Path,
    model: AcousticModel,
    speech: Sequence[Spoken],
    emissions: Sequence[npt.NDArray[np.float32]],
) -> list[Times]:
    """The service's words without a language model, as the others have none either."""
    decoders = ModelDecoders(model.vocabulary, [folder])
    request = DecodingOptions(decoder="greedy")
    return [
        [
            (word.word, word.start, word.end)
            for word in decoders.decode(
                found,
                request,
                frame_seconds=model.hop / SAMPLE_RATE,
                duration=len(item.waveform) / SAMPLE_RATE,
            )[0].words
        ]
        for item, found in zip(speech, emissions, strict=True)
    ]


def aligned(
    folder: Path,
    model: AcousticModel,
    speech: Sequence[Spoken],
    emissions: Sequence[npt.NDArray[np.float32]],
) -> list[Times]:
    """Our forced alignment of the reference text, as POST /align computes it."""
    decoders = ModelDecoders(model.vocabulary, [folder])
    return [
        [
            (word.word, word.start, word.end)
            for word in decoders.align(
                found,
                " ".join(text for text, _, _ in item.words),
                None,
                frame_seconds=model.hop / SAMPLE_RATE,
                duration=len(item.waveform) / SAMPLE_RATE,
            )
            if word.start is not None and word.end is not None
        ]
        for item, found in zip(speech, emissions, strict=True)
    ]


def pyctcdecode(model: AcousticModel, emissions: Sequence[npt.NDArray[np.float32]]) -> list[Times]:
    """The offsets that pyctcdecode's beam reports, without a language model."""
    from pyctcdecode.decoder import build_ctcdecoder  # noqa: PLC0415 - not on every Python

    alphabet = Alphabet.of(model.vocabulary)
    decoder: Any = build_ctcdecoder(list(alphabet.labels))
    seconds = model.hop / SAMPLE_RATE
    return [
        [
            (word, start * seconds, end * seconds)
            for word, (start, end) in decoder.decode_beams(alphabet.columns(found))[0][2]
        ]
        for found in emissions
    ]


def transformers(folder: Path, speech: Sequence[Spoken]) -> list[Times]:
    """What transformers' pipeline answers to `return_timestamps="word"`."""
    from transformers import (  # noqa: PLC0415 - it takes seconds
        AutoFeatureExtractor,
        AutoModelForCTC,
        AutoTokenizer,
        pipeline,
    )

    extractor: Any = AutoFeatureExtractor
    recogniser: Any = pipeline(
        "automatic-speech-recognition",
        model=AutoModelForCTC.from_pretrained(folder, dtype="float32"),
        tokenizer=AutoTokenizer.from_pretrained(folder),
        feature_extractor=extractor.from_pretrained(folder),
        device="cpu",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = [
            recogniser(
                {"raw": item.waveform, "sampling_rate": SAMPLE_RATE}, return_timestamps="word"
            )
            for item in speech
        ]
    return [
        [(chunk["text"], *map(float, chunk["timestamp"])) for chunk in answer["chunks"]]
        for answer in answers
    ]


def compare(
    speech: Sequence[Spoken], systems: Mapping[str, Sequence[Times]]
) -> dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Returns the errors of starts and of ends by system, for words that all have right."""
    errors: dict[str, list[tuple[float, float]]] = {name: [] for name in systems}
    for index, item in enumerate(speech):
        right = {name: _right(item.words, found[index]) for name, found in systems.items()}
        common = set.intersection(*(set(found) for found in right.values()))
        for word in sorted(common):
            _, start, end = item.words[word]
            for name, found in right.items():
                errors[name].append((abs(found[word][1] - start), abs(found[word][2] - end)))
    return {
        name: (np.array([start for start, _ in off]), np.array([end for _, end in off]))
        for name, off in errors.items()
    }


def _right(reference: Times, found: Times) -> dict[int, tuple[str, float, float]]:
    """The found words that are right, by the index of the reference's word."""
    if not found:
        return {}
    chunks = jiwer.process_words(
        " ".join(word for word, _, _ in reference), " ".join(word for word, _, _ in found)
    ).alignments[0]
    return {
        chunk.ref_start_idx + offset: found[chunk.hyp_start_idx + offset]
        for chunk in chunks
        if chunk.type == "equal"
        for offset in range(chunk.ref_end_idx - chunk.ref_start_idx)
    }


if __name__ == "__main__":
    main()
