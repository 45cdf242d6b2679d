"""Writes the summary of a comparison as Markdown, which a terminal shows as well."""

import string
from collections.abc import Sequence
from typing import Any

from trainer.data.record import LABELS
from trainer.evaluation.report.figures import (
    MAX_GROUPS,
    Summary,
    factor,
    percent,
    span,
    test_set_line,
)
from trainer.evaluation.report.markdown import escape, quoted, table

MAX_SYSTEMS = len(string.ascii_uppercase)

_MAX_WORDS = 10
_MAX_EXAMPLES = 5


def report(summary: Summary) -> str:
    """Returns the report; the systems are A, B and so on, A the baseline."""
    names = dict(
        zip((item["name"] for item in summary["systems"]), string.ascii_uppercase, strict=False)
    )
    parts = [
        f"# {escape(test_set_line(summary))}",
        "\n".join(f"- {letter}: {escape(name)}" for name, letter in names.items()),
        _systems(summary, names),
        *_notes(summary, names),
    ]
    for difference in summary["differences"]:
        parts += _difference(difference, names)
    for name in ("length", *LABELS, "speaker"):
        if found := summary[f"by_{name}"]:
            parts += _by(name, found, names)
    unit = summary["interval"]["drawn_by"]
    parts.append(
        "Intervals hold 95 % of the rates of 2,000 test sets drawn again from this one, by "
        f"{unit} (bootstrap, Bisani and Ney 2004); those of differences compare both systems on "
        "the same drawn sets. Real-time factor: a model's is of its encoder and decoder, a "
        "server's from request to answer, one after another."
    )
    return "\n\n".join(parts) + "\n"


def _systems(summary: Summary, names: dict[str, str]) -> str:
    rows = []
    for item in summary["systems"]:
        row = [names[item["name"]]]
        for metric in ("wer", "cer"):
            row += [percent(item[metric]), _span(item["intervals"], metric)]
        rows.append([*row, factor(item["real_time_factor"])])
    return table(("", "WER", "95 %", "CER", "95 %", "real-time factor"), rows)


def _notes(summary: Summary, names: dict[str, str]) -> list[str]:
    found = []
    for item in summary["systems"]:
        letter = names[item["name"]]
        if item["texts_with_digits"]:
            found.append(
                f"{letter} writes digits in {item['texts_with_digits']:,} texts whose references "
                "have none: these are errors here."
            )
        if item["refused"]:
            found.append(
                f"{letter} refused {len(item['refused']):,} recordings, which count as empty "
                f"texts; the first: {escape(item['refused'][0]['reason'])}"
            )
    return found


def _difference(difference: dict[str, Any], names: dict[str, str]) -> list[str]:
    one, other = names[difference["baseline"]], names[difference["system"]]
    words, utterances = difference["words"], difference["utterances"]
    lines = [
        f"- {metric.upper()}: {_change(difference, metric)}{_chance(difference, metric)}"
        for metric in ("wer", "cer")
    ]
    lines.append(
        f"- Words right: {words['both']:,} by both, {words['only_baseline']:,} by {one} alone, "
        f"{words['only_system']:,} by {other} alone, {words['neither']:,} by neither."
    )
    lines.append(
        f"- Utterances: {utterances['baseline_better']:,} with fewer errors by {one}, "
        f"{utterances['system_better']:,} by {other}, {utterances['equal']:,} with as many."
    )
    sides = (
        (one, other, difference["only_baseline"], difference["baseline_better"]),
        (other, one, difference["only_system"], difference["system_better"]),
    )
    parts = [f"## {other} against {one}", "\n".join(lines)]
    for better, worse, confusions, examples in sides:
        if confusions:
            shown = "; ".join(
                f"{quoted(item['said'])} → {quoted(item['written'])}: {item['count']}"
                for item in confusions[:_MAX_WORDS]
            )
            parts.append(f"{better} writes and {worse} does not: {shown}")
        parts += [_example(item, one, other) for item in examples[:_MAX_EXAMPLES]]
    return parts


def _example(item: dict[str, Any], one: str, other: str) -> str:
    who = f"{escape(item['speaker'])}, " if item["speaker"] else ""
    return "\n".join(
        (
            f"- {who}{item['seconds']} s: {quoted(item['reference'])}",
            f"  - {one}: {quoted(item['baseline'])}",
            f"  - {other}: {quoted(item['system'])}",
        )
    )


def _by(name: str, found: Sequence[dict[str, Any]], names: dict[str, str]) -> list[str]:
    letters = [names[item["name"]] for item in found[0]["systems"]]
    header = [
        name,
        "utterances",
        "words",
        *(f"WER, {letter}" for letter in letters),
        *(f"{letter} against {letters[0]}" for letter in letters[1:]),
    ]
    ranked = found
    if name == "speaker":
        ranked = sorted(found, key=lambda part: (-part["systems"][0]["wer"], part["name"]))
    rows = [
        [
            part["name"],
            f"{part['utterances']:,}",
            f"{part['words']:,}",
            *(percent(item["wer"]) for item in part["systems"]),
            *(_change(item, "wer") for item in part["differences"]),
        ]
        for part in ranked[:MAX_GROUPS]
    ]
    parts = [f"## By {name}", table(header, rows)]
    if len(found) > MAX_GROUPS:
        parts.append(f"{len(found) - MAX_GROUPS} more are in the JSON.")
    return parts


def _change(difference: dict[str, Any], metric: str) -> str:
    points = f"{100 * difference[metric]:+.1f} points"
    if difference["intervals"] is None:
        return points
    low, high = difference["intervals"][metric]
    return f"{points} ({100 * low:+.1f} to {100 * high:+.1f})"


def _chance(difference: dict[str, Any], metric: str) -> str:
    if difference["intervals"] is None:
        return ""
    low, high = difference["intervals"][metric]
    return ", which may be chance" if low <= 0 <= high else ""


def _span(intervals: dict[str, list[float]] | None, metric: str) -> str:
    return "" if intervals is None else span(intervals[metric])
