"""Finds the weights of a language model with the lowest error rate on a validation split.

Selected on validation only: the test split is for the figure that is reported once.
"""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.catalogue import decoding_defaults
from app.catalogue.cards import CARD_NAME
from app.decoding import load_language_model
from app.decoding.language_model import UNIGRAMS
from trainer.errors import LanguageModelError
from trainer.language_model.build import put_in_place, write_attributes
from trainer.language_model.grid import EncodedUtterances, Outcome, Setting, measure, measure_greedy
from trainer.model_toml import write_decoding

ALPHAS = (0.2, 0.35, 0.5, 0.65, 0.8, 1.0, 1.2)
BETAS = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
BEAM_WIDTH = 100
BEAM_WIDTHS = (10, 25, 50, 100, 200)
SPELLING_WEIGHTS = (0.25, 0.5, 0.75, 1.0)
SPELLING_OFFSETS = (-2.0, 0.0, 2.0)
HOTWORD_WEIGHTS = (0.0, 2.0, 5.0, 10.0, 15.0, 20.0)
MAX_HOTWORDS = 100


@dataclass(frozen=True, slots=True)
class Tuning:
    """Everything that was measured, and the best point of the grid.

    `grid` has alpha and beta, `spelling` the score of unknown words at its best point, which is
    `best` where nothing in `spelling` is better. `widths` and `hotwords` vary the beam width and
    the weight of hotwords at `best`. `former` is the language model that the checkpoint has, at its
    own weights, where it is another one.
    """

    greedy: Outcome
    beam: Outcome
    grid: tuple[Outcome, ...]
    spelling: tuple[Outcome, ...]
    best: Outcome
    widths: tuple[Outcome, ...]
    hotwords: tuple[Outcome, ...]
    former: Outcome | None = None

    @property
    def helps(self) -> bool:
        """Whether it makes fewer word errors than greedy decoding, and no more than the former."""
        return self.best.wer < self.greedy.wer and not self.loses_to_former

    @property
    def loses_to_former(self) -> bool:
        """Whether the language model that the checkpoint has makes fewer word errors."""
        return self.former is not None and self.former.wer < self.best.wer


def tune(
    encoded: EncodedUtterances,
    language_model: Path,
    *,
    former: Path | None = None,
    spelling: bool = False,
    alphas: Sequence[float] = ALPHAS,
    betas: Sequence[float] = BETAS,
    beam_width: int = BEAM_WIDTH,
    processes: int = 1,
    done: Callable[[int, int], None] = lambda _, __: None,
) -> Tuning:
    """Measures a grid of alpha and beta; at its best point, what else can be varied.

    That is the score of unknown words by their spelling, then beam widths and hotword weights.

    Args:
        encoded: the validation split.
        language_model: a `language_model/` folder.
        former: that of the checkpoint, which it would replace; None where there is none.
        spelling: whether to try to score unknown words by their spelling; without `unigrams.txt`
            that is not tried.
        alphas: weights of the language model to try.
        betas: bonuses for each word to try.
        beam_width: of the grid.
        processes: how many decode at a time.
        done: called with the number of settings that are finished, and that there are.

    Raises:
        LanguageModelError: there is nothing to decode.
        ConfigurationError: the folder is no language model.
    """
    if not encoded.references:
        raise LanguageModelError("the validation split is empty: there is nothing to tune on")
    alone = Setting(alpha=0.0, beta=0.0, beam_width=beam_width, language_model=False)
    points = [Setting(alpha, beta, beam_width) for alpha in alphas for beta in betas]
    hotwords = choose_hotwords(encoded.references, language_model)
    weights = SPELLING_WEIGHTS if spelling and (language_model / UNIGRAMS).is_file() else ()
    total = 1 + len(points) + len(weights) * len(SPELLING_OFFSETS) + len(BEAM_WIDTHS)
    total += len(HOTWORD_WEIGHTS) if hotwords else 0
    finished = 0

    def count(number: int) -> None:
        nonlocal finished
        finished += number
        done(finished, total)

    def run(settings: Sequence[Setting]) -> list[Outcome]:
        return measure(encoded, settings, language_model, processes=processes, done=count)

    beam, *grid = run([alone, *points])
    flat = min(grid, key=lambda point: (point.wer, point.cer, point.setting.alpha))
    spelled = run(
        [
            replace(flat.setting, spelling_weight=weight, spelling_offset=offset)
            for weight in weights
            for offset in SPELLING_OFFSETS
        ]
    )
    # The first of those that are alike, which needs the least time.
    best = min([flat, *spelled], key=lambda point: (point.wer, point.cer))
    near = [replace(best.setting, beam_width=width) for width in BEAM_WIDTHS]
    offered = [
        replace(best.setting, hotwords=hotwords, hotword_weight=weight)
        for weight in (HOTWORD_WEIGHTS if hotwords else ())
    ]
    outcomes = run([*near, *offered])
    return Tuning(
        former=None if former is None else _measure_as_it_is(encoded, former, beam_width),
        greedy=measure_greedy(encoded),
        beam=beam,
        grid=tuple(grid),
        spelling=tuple(spelled),
        best=best,
        widths=tuple(outcomes[: len(near)]),
        hotwords=tuple(outcomes[len(near) :]),
    )


def _measure_as_it_is(encoded: EncodedUtterances, language_model: Path, beam_width: int) -> Outcome:
    loaded = load_language_model(language_model, decoding_defaults(language_model.parent))
    setting = Setting(
        loaded.alpha,
        loaded.beta,
        beam_width,
        spelling_weight=loaded.unk_character_weight,
        spelling_offset=loaded.unk_character_offset,
    )
    [outcome] = measure(encoded, [setting], language_model, processes=1)
    return outcome


def choose_hotwords(references: Sequence[str], language_model: Path) -> tuple[str, ...]:
    """Returns spoken words that the language model does not know, the most frequent first.

    Those are what a user gives as hotwords: names and terms of a trade.
    """
    file = language_model / UNIGRAMS
    known = frozenset(file.read_text(encoding="utf-8").split()) if file.is_file() else frozenset()
    unknown = Counter(word for text in references for word in text.split() if word not in known)
    return tuple(word for word, _ in unknown.most_common(MAX_HOTWORDS)) if known else ()


def publish(tuning: Tuning, language_model: Path, model: Path) -> Path:
    """Puts the language model with its best alpha and beta into a checkpoint folder.

    One that is there is kept in `former_language_models`.

    Returns:
        The folder `language_model` of the checkpoint.

    Raises:
        LanguageModelError: it is no better than greedy decoding, or worse than the language model
            that is there; nothing is written.
    """
    target = model / "language_model"
    replaces = language_model.resolve() != target.resolve()
    if tuning.former is not None and tuning.loses_to_former:
        raise LanguageModelError(
            f"the language model does not help: at best WER {tuning.best.wer:.2%} on validation, "
            f"the one that is there has {tuning.former.wer:.2%}; {model} is left as it is"
        )
    if not tuning.helps:
        raise LanguageModelError(
            f"the language model does not help: at best WER {tuning.best.wer:.2%} on validation, "
            f"greedy decoding has {tuning.greedy.wer:.2%}; {model} is left as it is"
        )
    if replaces and target.is_dir() and tuning.former is None:
        raise LanguageModelError(f"{target} was not measured, so it is not replaced")
    if replaces:
        with tempfile.TemporaryDirectory(dir=model, prefix=".language-model-") as scratch:
            fresh = shutil.copytree(language_model, Path(scratch) / target.name)
            put_in_place(fresh, target)
        facts = language_model.with_suffix(".json")
        if facts.is_file():
            shutil.copy(facts, target.with_suffix(".json"))
    attributes = json.loads((target / "attrs.json").read_text(encoding="utf-8"))
    best = tuning.best.setting
    if tuning.spelling:
        # In the card, since pyctcdecode refuses attributes that are not its own.
        weights = {
            "unk_character_weight": best.spelling_weight,
            "unk_character_offset": best.spelling_offset,
        }
        attributes = {key: value for key, value in attributes.items() if key not in weights}
        write_decoding(model / CARD_NAME, weights)
    write_attributes(target, attributes | {"alpha": best.alpha, "beta": best.beta})
    return target


def as_dict(tuning: Tuning) -> dict[str, Any]:
    """Returns the figures as `language_model.json` keeps them; error rates are shares."""

    def rates(outcome: Outcome) -> dict[str, float]:
        return {"wer": round(outcome.wer, 5), "cer": round(outcome.cer, 5)}

    def speed(outcome: Outcome) -> dict[str, float]:
        return rates(outcome) | {"audio_s_per_s": round(outcome.seconds_per_second, 1)}

    best = tuning.best.setting
    return {
        "alpha": best.alpha,
        "beta": best.beta,
        "beam_width": best.beam_width,
        "unk_character_weight": best.spelling_weight,
        "unk_character_offset": best.spelling_offset,
        "greedy": rates(tuning.greedy),
        "beam": rates(tuning.beam),
        "beam_lm": rates(tuning.best),
        "former": None if tuning.former is None else rates(tuning.former),
        "grid": [
            {"alpha": point.setting.alpha, "beta": point.setting.beta} | rates(point)
            for point in tuning.grid
        ],
        "spelling": [
            {
                "unk_character_weight": point.setting.spelling_weight,
                "unk_character_offset": point.setting.spelling_offset,
            }
            | rates(point)
            for point in tuning.spelling
        ],
        "beam_widths": [
            {"beam_width": point.setting.beam_width} | speed(point) for point in tuning.widths
        ],
        "hotword_weights": [
            {
                "weight": point.setting.hotword_weight,
                "hotwords": len(point.setting.hotwords),
                "found": round(point.hotwords_found, 4),
            }
            | rates(point)
            for point in tuning.hotwords
        ],
    }
