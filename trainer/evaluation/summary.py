"""Summarises an `Evaluation` as plain values, for `--json` and for model cards."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from trainer.evaluation.bootstrap import LEVEL, Interval
from trainer.evaluation.confusions import count_confusions
from trainer.evaluation.groups import Group, by_augmentation, by_length, by_speaker, worst
from trainer.evaluation.measure import TITLES, Evaluation
from trainer.evaluation.test_set import Origin

_MAX_CONFUSIONS = 20
_MAX_WORST = 20


def summarise(evaluation: Evaluation) -> dict[str, Any]:
    """Returns the figures as plain values, rates as shares (0.05 is 5 %).

    `<decoding>_wer` and `<decoding>_cer` are there for `greedy`, `beam` and `beam_lm`, with
    None where the model has no language model; `intervals` has the same names, each [low, high].
    """
    decodings = {item.name: item for item in evaluation.decodings}
    bootstrap, seconds, machine = evaluation.bootstrap, evaluation.seconds, evaluation.machine
    summary: dict[str, Any] = {
        "model": evaluation.model,
        "model_digest": evaluation.digest,
        "data": evaluation.data,
        **_origin(evaluation.origin),
        "utterances": len(evaluation.utterances),
        "seconds": round(seconds, 1),
        "words": sum(item.length for item in evaluation.final.words),
        "speakers": len({item.speaker for item in evaluation.utterances} - {""}),
    }
    intervals: dict[str, list[float] | None] = {}
    for name in TITLES:
        found = decodings.get(name)
        summary[f"{name}_wer"] = None if found is None else found.wer
        summary[f"{name}_cer"] = None if found is None else found.cer
        intervals[f"{name}_wer"] = None if found is None else _ends(bootstrap.interval(found.words))
        intervals[f"{name}_cer"] = (
            None if found is None else _ends(bootstrap.interval(found.characters))
        )
    with_lm = decodings.get("beam_lm")
    speed: dict[str, float] = {"encoder": machine.encoder_seconds / seconds}
    speed |= {item.name: item.seconds / seconds for item in evaluation.decodings}
    return summary | {
        "intervals": intervals,
        "interval": {"level": LEVEL, "drawn_by": bootstrap.unit},
        # Below 0, the language model makes fewer errors than greedy decoding.
        "lm_difference": None
        if with_lm is None
        else {
            "wer": with_lm.wer - decodings["greedy"].wer,
            "interval": _ends(bootstrap.difference(decodings["greedy"].words, with_lm.words)),
        },
        "language_model": evaluation.language_model and asdict(evaluation.language_model),
        "beam_width": evaluation.beam_width,
        "real_time_factor": speed,
        "machine": {
            "device": machine.device,
            "dtype": machine.dtype,
            "kernels": machine.kernels,
            "threads": machine.threads,
        },
        "by_speaker": _groups(by_speaker(evaluation)),
        "by_length": _groups(by_length(evaluation)),
        "by_augmentation": _groups(by_augmentation(evaluation)),
        "confusions": asdict(
            count_confusions(
                evaluation.final.words, evaluation.final.characters, most=_MAX_CONFUSIONS
            )
        ),
        "worst": [
            {
                "index": index,
                "speaker": evaluation.utterances[index].speaker,
                "seconds": round(evaluation.utterances[index].seconds, 2),
                "reference": evaluation.utterances[index].reference,
                **{item.name: item.texts[index] for item in evaluation.decodings},
            }
            for index in worst(evaluation, _MAX_WORST)
        ],
    }


def _origin(origin: Origin | None) -> dict[str, Any]:
    """Returns what a card needs to name the test set: its split, or None, sources and size."""
    if origin is None:
        return {"split": None, "sources": [], "available": None, "texts_digest": None}
    return {
        "split": origin.split or None,
        "sources": list(origin.sources),
        "available": origin.available,
        "texts_digest": origin.texts,
    }


def _ends(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _groups(groups: Sequence[Group]) -> list[dict[str, Any]]:
    return [
        {
            "name": group.name,
            "utterances": group.utterances,
            "seconds": round(group.seconds, 1),
            "words": group.words,
            **{f"{name}_wer": group.wer.get(name) for name in TITLES},
        }
        for group in groups
    ]
