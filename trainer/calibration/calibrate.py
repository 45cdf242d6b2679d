"""Calibrates a checkpoint on a data folder and measures the calibration.

Fitted on the validation split, measured on the test split. Boundaries need speech whose word
times are known, which synthesised speech has; without it those of all models stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.acoustic import load_checkpoint
from app.audio import SAMPLE_RATE
from app.catalogue import decoding_defaults
from app.decoding import BeamDecoder, Decoder, DecodingOptions, GreedyDecoder, load_language_model
from app.decoding.calibration import (
    FRAMES_ONLY,
    GENERAL_RULE,
    BoundaryRule,
    Calibration,
    Curve,
)
from app.vocabulary import Vocabulary
from trainer.calibration.boundaries import Timed, boundary_errors, emitted_words, fit_rule
from trainer.calibration.curves import Bin, calibration_error, fit_curve, reliability
from trainer.data import read_split, store
from trainer.errors import DataError
from trainer.evaluation import Emitted, compute_emissions
from trainer.evaluation.alignment import align_words

_MIN_WORDS = 200

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """How well confidences of one decoder fit, on speech they were not fitted to.

    Attributes:
        words: how many were found.
        right: share of them that is right.
        before: expected calibration error of the posteriors.
        after: that of the calibrated confidences.
        utterances: the same of utterances, whose confidence is the mean of their words'.
        bins: of the words, for a plot.
    """

    words: int
    right: float
    before: float
    after: float
    utterances: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A calibration, and how good it is on the test split.

    `boundaries` are (mean, 95th percentile) errors in seconds of starts and ends, by frames
    alone, by the rule for all models, and by the fitted one; empty without known word times.
    """

    calibration: Calibration
    confidence: dict[str, Measured]
    boundaries: dict[str, dict[str, tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class _Decoded:
    """The words a decoder found in one utterance: their posteriors, and which are right.

    `score` is the natural-log score of all of them for each second.
    """

    posteriors: Numbers
    right: Numbers
    score: float


def calibrate(
    model: Path, data: Path, *, cache: Path | None = None, notify: Callable[[str], None] = print
) -> Outcome:
    """Fits on the validation split of a data folder and measures on its test split.

    Args:
        model: checkpoint folder; its `language_model/` is used where there is one.
        data: data folder.
        cache: where emissions are kept.
        notify: called with each step.

    Raises:
        CheckpointError: the folder is no CTC checkpoint.
        DataError: a split is missing, or has too few words.
    """
    acoustic = load_checkpoint(model)
    vocabulary, frame_seconds = acoustic.vocabulary, acoustic.hop / SAMPLE_RATE
    speech: dict[str, list[Emitted]] = {}
    for split in ("valid", "test"):
        notify(f"encoding the {split} split")
        speech[split] = compute_emissions(model, read_split(data, split), cache=cache)
    curves: dict[str, Curve] = {}
    scores: dict[str, float] = {}
    confidence: dict[str, Measured] = {}
    for name, decoder in _decoders(model, vocabulary).items():
        notify(f"decoding by {name}")
        decoded = {
            split: _decode(decoder, emitted, frame_seconds) for split, emitted in speech.items()
        }
        posteriors, right = _joined(decoded["valid"])
        if len(posteriors) < _MIN_WORDS:
            raise DataError(
                f"the validation split has {len(posteriors)} words in it by {name}, "
                f"at least {_MIN_WORDS} are needed"
            )
        curves[name] = fit_curve(posteriors, right)
        scores[name] = round(float(np.mean([item.score for item in decoded["valid"]])), 3)
        confidence[name] = _measure(curves[name], decoded["test"])
    rule, errors = GENERAL_RULE, {}
    known = {
        split: _timed(data, split, speech[split], vocabulary, frame_seconds) for split in speech
    }
    if all(known.values()):
        notify("fitting boundaries")
        rule = fit_rule(known["valid"], frame_seconds=frame_seconds)
        rules = {"frames": FRAMES_ONLY, "general": GENERAL_RULE, "fitted": rule}
        errors = {name: _summary(known["test"], each) for name, each in rules.items()}
    return Outcome(Calibration(rule, curves, scores), confidence, errors)


def _decoders(model: Path, vocabulary: Vocabulary) -> dict[str, Decoder]:
    decoders: dict[str, Decoder] = {
        "greedy": GreedyDecoder(vocabulary),
        "beam": BeamDecoder(vocabulary),
    }
    folder = model / "language_model"
    if folder.is_dir():
        language_model = load_language_model(folder, decoding_defaults(model))
        decoders["beam+lm"] = BeamDecoder(vocabulary, language_model=language_model)
        decoders["greedy+lm"] = BeamDecoder(
            vocabulary, DecodingOptions("greedy+lm"), language_model
        )
    return decoders


def _decode(decoder: Decoder, emitted: Sequence[Emitted], frame_seconds: float) -> list[_Decoded]:
    hypotheses = [
        decoder.decode(item.emissions, frame_seconds=frame_seconds, duration=item.seconds)
        for item in emitted
    ]
    pairs = align_words([item.text for item in emitted], [found.text for found in hypotheses])
    return [
        _Decoded(
            np.array([word.confidence for word in found.words]),
            np.array(
                [float(chunk.kind == "equal") for chunk in pair.chunks for _ in chunk.hypothesis]
            ),
            found.score / item.seconds,
        )
        for item, found, pair in zip(emitted, hypotheses, pairs, strict=True)
    ]


def _joined(decoded: Sequence[_Decoded]) -> tuple[Numbers, Numbers]:
    return (
        np.concatenate([item.posteriors for item in decoded]),
        np.concatenate([item.right for item in decoded]),
    )


def _measure(curve: Curve, decoded: Sequence[_Decoded]) -> Measured:
    posteriors, right = _joined(decoded)
    calibrated = np.interp(posteriors, curve.posteriors, curve.shares)
    bins = reliability(calibrated, right)
    spoken = [item for item in decoded if len(item.right)]
    means = [np.interp(item.posteriors, curve.posteriors, curve.shares).mean() for item in spoken]
    shares = [item.right.mean() for item in spoken]
    return Measured(
        words=len(right),
        right=float(right.mean()) if len(right) else 0.0,
        before=calibration_error(reliability(posteriors, right)),
        after=calibration_error(bins),
        utterances=calibration_error(reliability(np.array(means), np.array(shares))),
        bins=tuple(bins),
    )


def _timed(
    data: Path, split: str, emitted: Sequence[Emitted], vocabulary: Vocabulary, frame_seconds: float
) -> list[Timed]:
    """The utterances of a split whose word times are known."""
    if not (data / f"{split}.pcm").is_file():
        return []
    found = (
        emitted_words(
            decoded.emissions,
            decoded.text,
            item.word_starts,
            item.word_ends,
            vocabulary,
            frame_seconds=frame_seconds,
            duration=decoded.seconds,
        )
        for item, decoded in zip(store.read_split(data, split).utterances, emitted, strict=True)
    )
    return [item for item in found if item is not None]


def _summary(utterances: Sequence[Timed], rule: BoundaryRule) -> dict[str, tuple[float, float]]:
    errors = dict(zip(("start", "end"), boundary_errors(utterances, rule), strict=True))
    return {
        name: (round(float(off.mean()), 5), round(float(np.quantile(off, 0.95)), 5))
        for name, off in errors.items()
    }
