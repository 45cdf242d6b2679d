"""Estimates a language model and writes the `language_model/` folder that the service loads.

The folder holds what pyctcdecode and transformers' `Wav2Vec2ProcessorWithLM` write and read:
`attrs.json`, `unigrams.txt` and one KenLM file, and nothing else. Where the model came from
is recorded beside it, in `language_model.json`.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from app.kenlm_file import CHECKSUM_SUFFIX, find_model, write_checksum
from trainer.errors import LanguageModelError
from trainer.language_model.arpa import ngram_counts, unigrams, write_arpa
from trainer.language_model.kneser_ney import NgramModel, estimate, prune_thresholds
from trainer.language_model.ngram_file import read_arpa_model
from trainer.language_model.tools import MAX_ORDER, find_tool, run_tool
from trainer.recipe import LanguageModelRecipe

Estimator = Literal["auto", "lmplz", "numpy"]

DEFAULT_ATTRIBUTES: dict[str, float | bool] = {
    "alpha": 0.5,
    "beta": 1.5,
    "unk_score_offset": -10.0,
    "score_boundary": True,
}
"""pyctcdecode's own; `tune` finds better ones."""

FORMER = "former_language_models"
"""Folder in a checkpoint's of the language models that were replaced."""

# 8 bits for probabilities and 7 for back-offs are KenLM's own advice; 22 bits of pointers in an
# array make the trie smallest; -v leaves out the words, which unigrams.txt has.
_BINARY = ("-v", "-q", "8", "-b", "7", "-a", "22", "-S", "1G", "trie")
_LMPLZ_MEMORY = "1G"


@dataclass(frozen=True, slots=True)
class Installed:
    """What was put in place: n-grams of each order, bytes of each file; where the former is."""

    ngrams: tuple[int, ...]
    sizes: dict[str, int]
    former: Path | None


@dataclass(frozen=True, slots=True)
class Built:
    """What was written: the folder, the estimator, n-grams of each order, bytes of each file."""

    folder: Path
    estimator: str
    ngrams: tuple[int, ...]
    sizes: dict[str, int]


def build(
    lines: Iterable[str],
    recipe: LanguageModelRecipe,
    output: Path,
    *,
    estimator: Estimator = "auto",
    mix: Callable[[NgramModel], NgramModel] | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Built:
    """Estimates a model and writes its folder; a language model that is there is kept elsewhere.

    Args:
        lines: clean sentences, one word after the other, parted by single spaces.
        recipe: order, pruning and size of the vocabulary.
        output: folder to write, usually `language_model` in a checkpoint folder.
        estimator: `auto` takes `lmplz` where it is installed, else our own, `numpy`.
        mix: called with the model of the lines; what it returns is written.
        notify: called with a line of progress.

    Raises:
        LanguageModelError: there is no text, `lmplz` is requested and not installed, a tool
            fails, or `output` holds files that are no language model.
    """
    if recipe.order > MAX_ORDER:
        raise LanguageModelError(
            f"KenLM reads n-grams of at most {MAX_ORDER} words, not {recipe.order}"
        )
    check_folder(output)
    lmplz = None if estimator == "numpy" else find_tool("lmplz")
    if estimator == "lmplz" and lmplz is None:
        raise LanguageModelError("lmplz is not installed; `python -m trainer kenlm` builds it")
    texts = tuple(lines)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".language-model-") as scratch:
        folder = Path(scratch)
        arpa = folder / f"{recipe.order}gram.arpa"
        notify(f"estimating a {recipe.order}-gram model with {lmplz or 'our own estimator'}")
        estimate_arpa(texts, recipe, arpa, lmplz=lmplz)
        if mix is not None:
            write_arpa(mix(read_arpa_model(arpa)), arpa)
        installed = install(arpa, output, DEFAULT_ATTRIBUTES, notify=notify)
    return Built(output, "lmplz" if lmplz else "numpy", installed.ngrams, installed.sizes)


def install(
    arpa: Path,
    output: Path,
    attributes: Mapping[str, float | bool],
    *,
    check: Callable[[Path], None] = lambda _: None,
    notify: Callable[[str], None] = lambda _: None,
) -> Installed:
    """Makes a language model's folder of an ARPA file, which is consumed, and puts it in place.

    Args:
        arpa: a file in a folder of its own, beside `output`.
        output: folder to write.
        attributes: of `attrs.json`.
        check: called with the finished folder before it is put in place; may raise.
        notify: called with a line of progress.

    Raises:
        LanguageModelError: a tool fails, or `output` holds files that are no language model.
    """
    check_folder(output)
    counts, words = ngram_counts(arpa), unigrams(arpa)
    model = _to_binary(arpa, notify)
    fresh = model.parent / output.name
    fresh.mkdir()
    model.replace(fresh / model.name)
    (fresh / "unigrams.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    write_attributes(fresh, attributes)
    check(fresh)
    former = put_in_place(fresh, output)
    sizes = {file.name: file.stat().st_size for file in sorted(output.iterdir())}
    return Installed(counts, sizes, former)


def estimate_arpa(
    lines: Sequence[str], recipe: LanguageModelRecipe, arpa: Path, *, lmplz: Path | None
) -> None:
    """Estimates a model and writes it to an ARPA file.

    Args:
        lines: clean sentences.
        recipe: order, pruning and size of the vocabulary.
        arpa: file to write.
        lmplz: the program, or None for our own estimator.

    Raises:
        LanguageModelError: there is no text, or `lmplz` fails.
    """
    keep = most_frequent(lines, recipe.max_unigrams) if recipe.max_unigrams else None
    if lmplz is None:
        write_arpa(estimate(lines, order=recipe.order, prune=recipe.prune, keep=keep), arpa)
    else:
        _run_lmplz(lmplz, lines, recipe, keep, arpa)


def most_frequent(lines: Iterable[str], count: int) -> frozenset[str]:
    """Returns the `count` most frequent words; of equally frequent ones those seen first."""
    seen = Counter(word for line in lines for word in line.split())
    return frozenset(word for word, _ in seen.most_common(count))


def _run_lmplz(
    lmplz: Path,
    lines: Sequence[str],
    recipe: LanguageModelRecipe,
    keep: frozenset[str] | None,
    arpa: Path,
) -> None:
    if not lines:
        raise LanguageModelError("there is no text to estimate a language model from")
    thresholds = prune_thresholds(recipe.prune, recipe.order)
    command = [lmplz, "--order", recipe.order, "--discount_fallback", "--prune", *thresholds]
    with tempfile.TemporaryDirectory(dir=arpa.parent) as scratch:
        folder = Path(scratch)
        text = folder / "corpus.txt"
        text.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if keep is not None:
            known = folder / "vocabulary.txt"
            known.write_text("\n".join(sorted(keep)) + "\n", encoding="utf-8")
            command += ["--limit_vocab_file", known]
        command += ["-S", _LMPLZ_MEMORY, "-T", folder / "sort", "--text", text, "--arpa", arpa]
        run_tool([str(part) for part in command])


def _to_binary(arpa: Path, notify: Callable[[str], None]) -> Path:
    """Returns the binary form of an ARPA file, or the file itself where there is no tool for it."""
    tool = find_tool("build_binary")
    if tool is None:
        notify(
            "no build_binary: the model stays in ARPA format, five times as large and slow to "
            "load; `python -m trainer kenlm` builds the tool, then run this again"
        )
        return arpa
    binary = arpa.with_suffix(".bin")
    run_tool([tool, *_BINARY, arpa, binary])
    return binary


def check_folder(output: Path) -> None:
    """Refuses to write into a folder with anything but a language model in it."""
    if not output.exists():
        return
    known = {"attrs.json", "unigrams.txt"}
    for file in output.iterdir() if output.is_dir() else (output,):
        if file.name not in known and file.suffix not in {".bin", ".binary", ".arpa"}:
            raise LanguageModelError(f"{output} holds {file.name}; name a folder of its own")


def put_in_place(fresh: Path, output: Path) -> Path | None:
    """Renames a finished folder to its place, and writes the checksum of its model beside it.

    A service that has the files of the former folder open keeps them; none sees half a folder.

    Returns:
        Where the language model that was there is kept now, with its checksum and its record; None
        if there was none.
    """
    former = _keep(output) if output.exists() else None
    fresh.replace(output)
    write_checksum(find_model(output))
    return former


def _keep(output: Path) -> Path:
    """Moves a language model into `former_language_models` of its checkpoint, under a number."""
    folder = output.parent.parent if output.parent.name == "language_models" else output.parent
    folder /= FORMER
    folder.mkdir(exist_ok=True)
    number = next(
        number for number in count(1) if not (folder / f"{output.name}-{number}").exists()
    )
    kept = folder / f"{output.name}-{number}"
    output.replace(kept)
    for suffix in (CHECKSUM_SUFFIX, ".json"):
        beside = output.with_name(output.name + suffix)
        if beside.is_file():
            beside.replace(folder / f"{kept.name}{suffix}")
    return kept


def write_attributes(folder: Path, attributes: Mapping[str, float | bool]) -> None:
    """Writes `attrs.json` anew."""
    text = json.dumps(dict(attributes), indent=2)
    (folder / "attrs.json").write_text(text + "\n", encoding="utf-8")
