"""Makes a language model of an organisation's own texts and names, mixed with the one there is.

Three models are interpolated: the model's own language model, one of the texts, and one of the
names. How much the texts count is tuned on sentences that were held out of them in turn, and what
does not predict those better than what was there is not published.
"""

import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.decoding import LanguageModel, load_language_model
from app.errors import ConfigurationError
from app.vocabulary import Vocabulary
from trainer.adaptation.held_out import (
    Quality,
    Scores,
    fit_weight,
    folds,
    join,
    mixed,
    quality,
    score,
    score_names,
)
from trainer.adaptation.names import names_model, names_weight
from trainer.adaptation.sentences import Names, Sentences, read_names, read_sentences
from trainer.errors import LanguageModelError
from trainer.language_model.arpa import write_arpa
from trainer.language_model.build import DEFAULT_ATTRIBUTES, check_folder, install
from trainer.language_model.kneser_ney import SPECIAL_WORDS, estimate
from trainer.language_model.mixture import Part, mix
from trainer.language_model.ngram_file import read_ngram_model

DEFAULT_NAME = "default"
"""The language model that requests get without `lm`, in the folder `language_model`."""

ORDER = 3
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MOST_UNKNOWN = 0.1
_CHECKED_SENTENCES = 1000
_MARGIN = 1.001

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What to make of what.

    Attributes:
        folder: the checkpoint.
        read_vocabulary: reads its tokens, which the words must be spelled with.
        language: of the texts.
        texts: documents and folders of them.
        names: a file with a name a line.
        name: of the language model, as requests choose it by `lm`.
        defaults: of attributes that the language model lacks.
    """

    folder: Path
    read_vocabulary: Callable[[], Vocabulary]
    language: str
    texts: tuple[Path, ...]
    names: Path | None = None
    name: str = "adapted"
    defaults: Mapping[str, float] = field(default_factory=dict)

    @property
    def output(self) -> Path:
        """The folder of the new language model."""
        if self.name == DEFAULT_NAME:
            return self.folder / "language_model"
        return self.folder / "language_models" / self.name


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What was published, and why; `as_dict` is what is written beside it."""

    request: Request
    base: Path | None
    sentences: Sentences | None
    names: Names | None
    new_words: int
    weights: Mapping[str, float]
    before: Quality | None
    after: Quality | None
    ngrams: tuple[int, ...]
    sizes: Mapping[str, int]
    former: Path | None

    def as_dict(self) -> dict[str, Any]:
        """Returns the facts of the mixture; shares add up to 1, unknown words are shares too."""
        texts, names = self.sentences, self.names
        return {
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "name": self.request.name,
            "folder": str(self.request.output),
            "language": self.request.language,
            "base": None if self.base is None else str(self.base.relative_to(self.request.folder)),
            "mixture": {name: round(weight, 5) for name, weight in self.weights.items()},
            "texts": {
                "documents": {} if texts is None else texts.documents,
                "sentences": 0 if texts is None else len(texts.lines),
                "words": 0 if texts is None else texts.words,
                "written_out": {} if texts is None else texts.rules,
                "dropped": {} if texts is None else texts.dropped,
            },
            "names": {
                "used": 0 if names is None else len(names.spelled),
                "dropped": [] if names is None else list(names.dropped),
            },
            "new_words": self.new_words,
            "held_out": {"before": _figures(self.before), "after": _figures(self.after)},
            "ngrams": list(self.ngrams),
            "bytes": dict(self.sizes),
            "former": None if self.former is None else str(self.former),
        }


@dataclass(frozen=True, slots=True)
class _Material:
    """What is mixed; `base` and its folder are None where the model has no language model."""

    folder: Path | None
    base: LanguageModel | None
    sentences: Sentences | None
    names: Names | None

    @property
    def lines(self) -> tuple[str, ...]:
        return () if self.sentences is None else self.sentences.lines


@dataclass(frozen=True, slots=True)
class _Fitted:
    """Weights by the names of the parts, and what they give on text that was held out."""

    weights: Mapping[str, float]
    before: Quality | None
    after: Quality | None


def adapt(request: Request, *, notify: Notify = lambda _: None) -> Adaptation:
    """Makes and publishes a language model.

    Args:
        request: what to make of what.
        notify: called with a line of progress.

    Raises:
        DataError: a file cannot be read.
        LanguageModelError: nothing to read, or the result does not predict held-out text better
            than the language model that is there; nothing is changed.
        ConfigurationError: the language model that is there cannot be used.
    """
    if _NAME.fullmatch(request.name) is None:
        raise LanguageModelError(
            f"{request.name!r} is no name for a language model; accepted: letters, digits, - and _"
        )
    if not request.texts and request.names is None:
        raise LanguageModelError("give texts, names, or both")
    check_folder(request.output)
    base = request.folder / "language_model"
    base_folder = base if base.is_dir() else None
    if base_folder is None and not request.texts:
        raise LanguageModelError(
            f"{request.folder} has no language model to add names to: give texts as well"
        )
    sentences = read_sentences(request.texts, request.language) if request.texts else None
    if sentences is not None and not sentences.lines:
        raise LanguageModelError("there is no sentence in the texts that the model can write")
    material = _Material(
        base_folder,
        None if base_folder is None else load_language_model(base_folder, request.defaults),
        sentences,
        None if request.names is None else read_names(request.names, request.language),
    )
    fitted = _fit(material, notify)
    _require_better(fitted, material)
    return _publish(request, material, fitted, notify)


def _fit(material: _Material, notify: Notify) -> _Fitted:
    lines, base = material.lines, material.base
    names = () if material.names is None else material.names.spelled
    for_names = names_weight(names) if names else 0.0
    shares = {"names": for_names} if names else {}
    if not lines:
        return _Fitted({"base": 1 - for_names, **shares}, None, None)
    by_texts: list[Scores] = []
    held_out: list[str] = []
    parts = folds(lines)
    notify(f"holding sentences out of {len(lines)}, {len(parts)} times")
    for learnt, out in parts:
        by_texts.append(_score_estimate(learnt, out))
        held_out += out
    texts = join(by_texts)
    if base is None:
        weight, scored, own = 1.0, [texts], {"texts": 1 - for_names}
        before = None
    else:
        from_base = score(base.model, held_out)
        weight = fit_weight(texts, from_base)
        scored = [from_base, texts]
        own = {"base": (1 - for_names) * (1 - weight), "texts": (1 - for_names) * weight}
        before = quality(from_base)
    if names:
        scored.append(score_names(names, held_out))
    weights = own | shares
    return _Fitted(weights, before, quality(mixed(scored, list(weights.values()))))


def _score_estimate(learnt: Sequence[str], out: Sequence[str]) -> Scores:
    """Scores sentences by a model of others."""
    with tempfile.TemporaryDirectory(prefix="nordlyd-adapt-") as scratch:
        arpa = Path(scratch) / "language_model" / f"{ORDER}gram.arpa"
        arpa.parent.mkdir()
        write_arpa(estimate(learnt, order=ORDER), arpa)
        return score(open_kenlm(arpa), out)


def open_kenlm(arpa: Path) -> Any:  # noqa: ANN401 - kenlm has no types
    """Opens an ARPA file of our own by KenLM's code."""
    import kenlm  # noqa: PLC0415

    config = kenlm.Config()
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    config.show_progress = False
    return kenlm.Model(str(arpa), config)


def _require_better(fitted: _Fitted, material: _Material) -> None:
    if fitted.after is None:
        return
    if fitted.before is not None and fitted.after.perplexity >= fitted.before.perplexity:
        raise LanguageModelError(
            "the texts do not help: on sentences held out of them the mixture has a perplexity of "
            f"{fitted.after.perplexity:.1f}, and the language model that is there "
            f"{fitted.before.perplexity:.1f}; nothing was changed"
        )
    if material.base is None and fitted.after.unknown > _MOST_UNKNOWN:
        raise LanguageModelError(
            f"{len(material.lines)} sentences are too few for a language model of their own: "
            f"{fitted.after.unknown:.0%} of the words of held-out sentences are unknown to it, and "
            f"it would hide them; accepted: {_MOST_UNKNOWN:.0%}. Nothing was changed"
        )


def _publish(request: Request, material: _Material, fitted: _Fitted, notify: Notify) -> Adaptation:
    parts = []
    known: frozenset[str] = frozenset()
    if material.folder is not None:
        notify(f"reading {material.folder}")
        model = read_ngram_model(material.folder)
        known = frozenset(model.vocabulary)
        parts.append(Part(model, fitted.weights["base"]))
    if material.sentences is not None:
        notify(f"estimating from {len(material.lines)} sentences")
        estimated = estimate(material.lines, order=ORDER)
        parts.append(Part(estimated, fitted.weights["texts"]))
    if material.names is not None:
        weight = fitted.weights["names"]
        parts.append(Part(names_model(material.names.spelled), weight, by_history=True))
    mixture = mix(parts)
    output = request.output
    output.parent.mkdir(exist_ok=True)
    lines = material.lines[:_CHECKED_SENTENCES]
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".language-model-") as scratch:
        arpa = Path(scratch) / f"{len(mixture.orders)}gram.arpa"
        notify("writing the mixture")
        write_arpa(mixture, arpa)
        _require_as_good(arpa, lines, material.base, output)
        installed = install(
            arpa,
            output,
            _attributes(material.folder),
            check=lambda fresh: load_language_model(fresh).require_letters_of(
                request.read_vocabulary()
            ),
            notify=notify,
        )
    adaptation = Adaptation(
        request,
        material.folder,
        material.sentences,
        material.names,
        len(set(mixture.vocabulary) - known - set(SPECIAL_WORDS)),
        fitted.weights,
        fitted.before,
        fitted.after,
        installed.ngrams,
        installed.sizes,
        installed.former,
    )
    report = json.dumps(adaptation.as_dict(), ensure_ascii=False, indent=2)
    output.with_name(f"{output.name}.json").write_text(report + "\n", encoding="utf-8")
    return adaptation


def _require_as_good(
    arpa: Path, lines: Sequence[str], base: LanguageModel | None, output: Path
) -> None:
    """Compares the finished file with the base and with what is in its place, on the texts.

    Those are no held-out sentences: the comparison finds a file that is broken, and a language
    model of the same name that has more of these texts in it.
    """
    if not lines:
        return
    in_place = load_language_model(output) if output.is_dir() else None
    made = quality(score(open_kenlm(arpa), lines)).perplexity
    for other in filter(None, (base, in_place)):
        there = quality(score(other.model, lines)).perplexity
        if made > there * _MARGIN:
            raise LanguageModelError(
                f"the mixture has a perplexity of {made:.1f} on the texts, and the language model "
                f"{other.path.parent.name} that is there {there:.1f}; nothing was changed"
            )


def _attributes(base: Path | None) -> Mapping[str, float | bool]:
    """Returns the attributes of the base, which were tuned, or the usual ones."""
    file = None if base is None else base / "attrs.json"
    if file is None or not file.is_file():
        return DEFAULT_ATTRIBUTES
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigurationError(f"{file} is not JSON: {error}") from error
    return {**DEFAULT_ATTRIBUTES, **given}


def _figures(found: Quality | None) -> dict[str, float] | None:
    if found is None:
        return None
    return {"perplexity": round(found.perplexity, 2), "unknown": round(found.unknown, 5)}
