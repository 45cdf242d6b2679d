"""How likely the names of `nordlyd adapt` should be: error rates over the probability of a name.

`nordlyd bench names`: sentences of ours, each with a name that the demos' language models do not
know, are spoken by espeak-ng, and so are everyday sentences without such names. All are decoded by
language models that `nordlyd adapt --names` makes with different probabilities. Half of the
sentences, with voices of the validation split, are to choose by; the figures to report are those of
the other half, with voices of the test split.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import jiwer
import torch

from app.acoustic import load_checkpoint
from app.catalogue import read_card
from app.decoding import LanguageModel, load_language_model
from app.vocabulary import Vocabulary
from bench.report import finish, table
from bench.startup import bundled_demos
from bench.words import decode, emit, found_words, sentences_of
from trainer.adaptation.adapt import Request, adapt
from trainer.adaptation.names import NameMass

PROBABILITIES = (1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3)
_MOST = 0.2


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench names", description=__doc__)
    parser.add_argument(
        "--models", type=Path, nargs="+", help="checkpoints; default: the bundled demos"
    )
    parser.add_argument("--sentences", type=int, default=40, help="of each kind and language")
    parser.add_argument("--probabilities", type=float, nargs="+", default=PROBABILITIES)
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    models = options.models or list(bundled_demos())
    finish(
        {
            "benchmark": "names",
            "models": {
                folder.name: measure(folder, options.sentences, options.probabilities)
                for folder in models
            },
        }
    )


def measure(folder: Path, count: int, probabilities: Sequence[float]) -> list[dict[str, object]]:
    """Decodes with the language model as it is and with every probability; prints a table."""
    language = read_card(folder / "model.toml").languages[0]
    model = load_checkpoint(folder, dtype="float32")
    spoken = {"names": f"names.{language}", "everyday": language}
    lines = {name: sentences_of(file, count) for name, file in spoken.items()}
    names = list(dict.fromkeys(name for line in lines["names"] for name in names_of(line)))
    speech = {
        (split, name): emit(model, language, [line.lower() for line in each[start::2]], split)
        for name, each in lines.items()
        for start, split in enumerate(("valid", "test"))
    }
    words = {word for name in names for word in name.lower().split()}
    points: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for probability in (0.0, *probabilities):
            scored = _adapted(folder, Path(scratch), model.vocabulary, names, probability)
            point: dict[str, object] = {"probability": probability}
            for (split, name), one in speech.items():
                texts = decode(model, scored, one)
                rate = float(jiwer.wer(list(one.references), texts))
                point[f"{split}_{name}_wer"] = round(rate, 4)
                if name == "names":
                    spoken_words, found = found_words(one.references, texts, words.__contains__)
                    point[f"{split}_found"] = round(found / spoken_words, 4)
            points.append(point)
    table(
        f"{folder.name}, {len(names)} names",
        list(points[0]),
        [[f"{value:g}" for value in point.values()] for point in points],
    )
    return points


def names_of(line: str) -> Iterator[str]:
    """Yields the names of a sentence: words with a capital, those in a row together."""
    for is_name, words in groupby(line.split(), key=lambda word: word[0].isupper()):
        if is_name:
            yield " ".join(words)


def _adapted(
    folder: Path,
    scratch: Path,
    vocabulary: Vocabulary,
    names: Sequence[str],
    probability: float,
) -> LanguageModel:
    """Returns the language model with names, made as `nordlyd adapt` makes it."""
    if not probability:
        return load_language_model(folder / "language_model")
    copy = scratch / f"{probability:g}"
    shutil.copytree(folder / "language_model", copy / "language_model")
    (copy / "names.txt").write_text("\n".join(names) + "\n", "utf-8")
    made = adapt(
        Request(
            copy,
            lambda: vocabulary,
            read_card(folder / "model.toml").languages[0],
            texts=(),
            names=copy / "names.txt",
            name_mass=NameMass(word=probability, most=_MOST),
        )
    )
    return load_language_model(made.request.output)


if __name__ == "__main__":
    main()
