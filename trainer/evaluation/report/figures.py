"""Prepares the sentences and tables that both kinds of report contain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainer.evaluation.measure import TITLES

MAX_GROUPS = 30

Summary = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A decoding of the whole test set; rates are shares, intervals (low, high)."""

    title: str
    wer: float
    wer_interval: tuple[float, float]
    cer: float
    cer_interval: tuple[float, float]
    real_time_factor: float


@dataclass(frozen=True, slots=True)
class GroupTable:
    """Word error rates of parts of the test set; `left_out` groups did better than these."""

    title: str
    column: str
    note: str
    groups: tuple[dict[str, Any], ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class ConfusionTable:
    """The most frequent errors of one kind, of `total` of that kind."""

    title: str
    total: int
    rows: tuple[tuple[str, str, int], ...]


def decodings(summary: Summary) -> list[Row]:
    """Returns a row for each decoding that the model has."""
    intervals, speed = summary["intervals"], summary["real_time_factor"]
    return [
        Row(
            title,
            summary[f"{name}_wer"],
            tuple(intervals[f"{name}_wer"]),
            summary[f"{name}_cer"],
            tuple(intervals[f"{name}_cer"]),
            speed[name],
        )
        for name, title in TITLES.items()
        if summary[f"{name}_wer"] is not None
    ]


def group_tables(summary: Summary) -> list[GroupTable]:
    """Returns the tables by speaker, by length and by augmentation that are not empty."""
    found = [
        ("By length", "length", "", summary["by_length"]),
        (
            "By augmentation",
            "augmentation",
            "An utterance to which several things were done is in several rows.",
            summary["by_augmentation"],
        ),
        ("By speaker", "speaker", "The worst first.", summary["by_speaker"]),
    ]
    return [
        GroupTable(
            title, column, note, tuple(groups[:MAX_GROUPS]), max(0, len(groups) - MAX_GROUPS)
        )
        for title, column, note, groups in found
        if groups
    ]


def confusion_tables(summary: Summary) -> list[ConfusionTable]:
    """Returns the tables of confusions that are not empty."""
    titles = {
        "substituted": "Other words",
        "joined": "Words joined",
        "split": "Words split",
        "dropped": "Words left out",
        "added": "Words added",
        "characters": "Characters",
    }
    found = summary["confusions"]
    return [
        ConfusionTable(
            title,
            found["totals"][kind],
            tuple((item["said"], item["written"], item["count"]) for item in found[kind]),
        )
        for kind, title in titles.items()
        if found[kind]
    ]


def percent(share: float) -> str:
    """Writes a share with one decimal: 0.2391 is `23.9 %`."""
    return f"{100 * share:.1f} %"


def span(interval: Sequence[float]) -> str:
    """Writes an interval of shares: `22.7 to 25.1 %`."""
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def factor(value: float) -> str:
    """Writes a real-time factor, and how many times faster than the speech that is."""
    return f"{value:.5f} ({1 / value:,.0f} times real time)" if value else "0"


def test_set_line(summary: Summary) -> str:
    """Returns the line on the test set."""
    speakers = f", {summary['speakers']} speakers" if summary["speakers"] else ""
    return (
        f"{summary['data']}: {summary['utterances']:,} utterances, {summary['words']:,} words, "
        f"{summary['seconds'] / 60:.1f} min{speakers}"
    )


def language_model_line(summary: Summary) -> str:
    """Returns whether the language model helps, and whether that is more than chance."""
    difference, model = summary["lm_difference"], summary["language_model"]
    if difference is None:
        return "The model has no language model."
    low, high = difference["interval"]
    points = f"{100 * abs(difference['wer']):.1f} percentage points"
    sure = "" if high < 0 or low > 0 else ", which may be chance"
    way = "takes away" if difference["wer"] <= 0 else "adds"
    return (
        f"The language model ({model['order']}-gram, alpha {model['alpha']:g}, beta "
        f"{model['beta']:g}) {way} {points} of WER against greedy decoding "
        f"(95 % interval of the change {100 * low:+.1f} to {100 * high:+.1f}){sure}."
    )


def machine_line(summary: Summary) -> str:
    """Returns the line on how the speed was measured."""
    machine = summary["machine"]
    return (
        f"Encoder: real-time factor {factor(summary['real_time_factor']['encoder'])}, on "
        f"{machine['device']} in {machine['dtype']} by {machine['kernels']}, "
        f"{machine['threads']} thread(s). Decoders ran one utterance after another in one thread, "
        f"beam width {summary['beam_width']}. Real-time factor is seconds of work by seconds of "
        "speech: lower is faster."
    )


def method_line(summary: Summary) -> str:
    """Returns the line on how the rates and their intervals are computed."""
    unit = summary["interval"]["drawn_by"]
    return (
        "WER and CER are substitutions, deletions and insertions by the length of the references "
        "(jiwer); references and texts are normalised as in training. Intervals hold 95 % of the "
        f"rates of 2,000 test sets drawn again from this one, by {unit} (bootstrap, Bisani and Ney "
        "2004)."
    )
