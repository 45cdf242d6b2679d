"""Summarises a `Comparison` as plain values, for `--json` and for the report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainer.comparison.compare import Comparison, Result
from trainer.comparison.words import contrast_words
from trainer.data.record import LABELS
from trainer.evaluation.alignment import Alignment, error_rate
from trainer.evaluation.bootstrap import LEVEL, Bootstrap, Rates, middle
from trainer.evaluation.parts import Parts, divide_by_length, divide_by_name

_MAX_WORDS = 20
_MAX_EXAMPLES = 20
# Of a single utterance every drawn set is the same.
_MIN_UTTERANCES = 2

METRICS = ("wer", "cer")


def summarise(comparison: Comparison) -> dict[str, Any]:
    """Returns the figures as plain values, rates as shares; docs/evaluation.md has the keys."""
    records = comparison.test_set.records
    baseline, *others = comparison.results
    whole = _part(comparison, range(len(records)))
    speakers = [record.speaker for record in records]
    return {
        "data": comparison.test_set.name,
        "utterances": len(records),
        "seconds": round(comparison.seconds, 1),
        "words": sum(item.length for item in baseline.words),
        "speakers": len(set(speakers) - {""}),
        "interval": {"level": LEVEL, "drawn_by": Bootstrap(speakers).unit},
        "systems": [
            figures | _facts(result, comparison)
            for figures, result in zip(whole["systems"], comparison.results, strict=True)
        ],
        "differences": [
            figures | _contrast(comparison, baseline, result)
            for figures, result in zip(whole["differences"], others, strict=True)
        ],
        **{f"by_{name}": _parts(comparison, parts) for name, parts in _divided(comparison).items()},
    }


def _divided(comparison: Comparison) -> dict[str, Parts]:
    records, labels = comparison.test_set.records, comparison.test_set.labels
    return {
        "speaker": divide_by_name([record.speaker for record in records]),
        **{name: divide_by_name([own.get(name, "") for own in labels]) for name in LABELS},
        "length": divide_by_length([record.seconds for record in records]),
    }


def _facts(result: Result, comparison: Comparison) -> dict[str, Any]:
    return {
        "kind": result.kind,
        "real_time_factor": result.transcripts.seconds / max(comparison.seconds, 1e-9),
        "texts_with_digits": result.with_digits,
        "refused": [
            {"index": index, "reason": reason}
            for index, reason in result.transcripts.refused.items()
        ],
    }


def _parts(comparison: Comparison, parts: Parts) -> list[dict[str, Any]]:
    return [{"name": name, **_part(comparison, members)} for name, members in parts.items()]


def _part(comparison: Comparison, members: Sequence[int]) -> dict[str, Any]:
    records = comparison.test_set.records
    bootstrap = (
        Bootstrap([records[index].speaker for index in members])
        if len(members) >= _MIN_UTTERANCES
        else None
    )
    baseline, *others = (_Figures.of(item, members, bootstrap) for item in comparison.results)
    return {
        "utterances": len(members),
        "seconds": round(sum(records[index].seconds for index in members), 1),
        "words": sum(comparison.results[0].words[index].length for index in members),
        "systems": [figures.summary() for figures in (baseline, *others)],
        "differences": [figures.difference(baseline) for figures in others],
    }


@dataclass(frozen=True, slots=True)
class _Figures:
    """The rates of a system by metric, and those of the drawn sets, if any were drawn."""

    name: str
    rates: Mapping[str, float]
    drawn: Mapping[str, Rates] | None

    @classmethod
    def of(cls, result: Result, members: Sequence[int], bootstrap: Bootstrap | None) -> "_Figures":
        alignments: dict[str, list[Alignment]] = {
            "wer": [result.words[index] for index in members],
            "cer": [result.characters[index] for index in members],
        }
        drawn = None
        if bootstrap is not None:
            drawn = {name: bootstrap.rates(found) for name, found in alignments.items()}
        return cls(
            result.name, {name: error_rate(found) for name, found in alignments.items()}, drawn
        )

    def summary(self) -> dict[str, Any]:
        return {"name": self.name, **self.rates, "intervals": _intervals(self.drawn)}

    def difference(self, baseline: "_Figures") -> dict[str, Any]:
        drawn = probability = None
        if self.drawn is not None and baseline.drawn is not None:
            drawn = {name: self.drawn[name] - baseline.drawn[name] for name in METRICS}
            probability = {name: float((rates < 0).mean()) for name, rates in drawn.items()}
        return {
            "baseline": baseline.name,
            "system": self.name,
            **{name: self.rates[name] - baseline.rates[name] for name in METRICS},
            "intervals": _intervals(drawn),
            "probability_of_improvement": probability,
        }


def _intervals(drawn: Mapping[str, Rates] | None) -> dict[str, list[float]] | None:
    if drawn is None:
        return None
    ends = {name: middle(rates) for name, rates in drawn.items()}
    return {name: [interval.low, interval.high] for name, interval in ends.items()}


def _contrast(comparison: Comparison, baseline: Result, result: Result) -> dict[str, Any]:
    words = contrast_words(baseline.words, result.words, most=_MAX_WORDS)
    # Above 0, the baseline makes fewer errors in the utterance.
    more = [
        other.errors - one.errors for one, other in zip(baseline.words, result.words, strict=True)
    ]
    order = sorted(range(len(more)), key=lambda index: -abs(more[index]))
    return {
        "words": {
            "both": words.both,
            "only_baseline": words.only_first,
            "only_system": words.only_second,
            "neither": words.neither,
        },
        "only_baseline": [asdict(item) for item in words.first_words],
        "only_system": [asdict(item) for item in words.second_words],
        "utterances": {
            "baseline_better": sum(item > 0 for item in more),
            "equal": more.count(0),
            "system_better": sum(item < 0 for item in more),
        },
        "baseline_better": [
            _example(comparison, baseline, result, index) for index in order if more[index] > 0
        ][:_MAX_EXAMPLES],
        "system_better": [
            _example(comparison, baseline, result, index) for index in order if more[index] < 0
        ][:_MAX_EXAMPLES],
    }


def _example(
    comparison: Comparison, baseline: Result, result: Result, index: int
) -> dict[str, Any]:
    record = comparison.test_set.records[index]
    return {
        "index": index,
        "speaker": record.speaker,
        "seconds": round(record.seconds, 2),
        "reference": comparison.references[index],
        "baseline": baseline.texts[index],
        "system": result.texts[index],
        "errors": [baseline.words[index].errors, result.words[index].errors],
    }
