"""Writes an evaluation as Markdown, and as a few lines for the terminal."""

from collections.abc import Sequence

from trainer.evaluation.measure import TITLES
from trainer.evaluation.report.figures import (
    Summary,
    confusion_tables,
    decodings,
    factor,
    group_tables,
    language_model_line,
    machine_line,
    method_line,
    percent,
    span,
    test_set_line,
)

_MAX_CONFUSIONS = 10
_MAX_WORST = 10


def headline(summary: Summary) -> list[str]:
    """Returns the lines that the terminal shows."""
    lines = [test_set_line(summary)]
    for row in decodings(summary):
        lines.append(
            f"{row.title}: WER {percent(row.wer)} ({span(row.wer_interval)}), "
            f"CER {percent(row.cer)} ({span(row.cer_interval)}), "
            f"real-time factor {factor(row.real_time_factor)}"
        )
    if summary["lm_difference"] is not None:
        lines.append(language_model_line(summary))
    lines.append(f"encoder: real-time factor {factor(summary['real_time_factor']['encoder'])}")
    return lines


def results_table(summary: Summary) -> str:
    """Returns the table of error rates alone, as a model card shows it too."""
    return table(
        ("decoding", "WER", "95 % interval", "CER", "95 % interval"),
        [
            (
                row.title,
                percent(row.wer),
                span(row.wer_interval),
                percent(row.cer),
                span(row.cer_interval),
            )
            for row in decodings(summary)
        ],
    )


def markdown(summary: Summary) -> str:
    """Returns the whole report as Markdown, without audio."""
    parts = [
        f"# Test report of {escape(summary['model'])}",
        f"{escape(test_set_line(summary))}.",
        results_table(summary),
        language_model_line(summary),
        method_line(summary),
        "## Speed",
        table(
            ("part", "real-time factor"),
            [
                ("encoder", factor(summary["real_time_factor"]["encoder"])),
                *((row.title, factor(row.real_time_factor)) for row in decodings(summary)),
            ],
        ),
        machine_line(summary),
    ]
    for group_table in group_tables(summary):
        names = [
            name for name in TITLES if any(group[f"{name}_wer"] for group in group_table.groups)
        ]
        parts += [f"## {group_table.title}"]
        parts += [group_table.note] if group_table.note else []
        parts += [
            table(
                (
                    group_table.column,
                    "utterances",
                    "words",
                    *(f"WER, {TITLES[name]}" for name in names),
                ),
                [
                    (
                        group["name"],
                        f"{group['utterances']:,}",
                        f"{group['words']:,}",
                        *(percent(group[f"{name}_wer"]) for name in names),
                    )
                    for group in group_table.groups
                ],
            )
        ]
        if group_table.left_out:
            parts += [f"{group_table.left_out} more did better."]
    parts += _confusions(summary)
    parts += _worst(summary)
    return "\n\n".join(parts) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table; what would break it is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(escape, line)) + " |" for line in lines)


def escape(text: str) -> str:
    """Escapes what Markdown would take for its own."""
    for sign in "\\|<>*_`[]":
        text = text.replace(sign, f"\\{sign}")
    return text


def _confusions(summary: Summary) -> list[str]:
    parts = ["## Most frequent errors", "Of the final decoding; the number after the colon is how"]
    parts[-1] += " often it happened."
    for found in confusion_tables(summary):
        shown = "; ".join(
            f"{quoted(spoken)} → {quoted(written)}: {count}"
            for spoken, written, count in found.rows[:_MAX_CONFUSIONS]
        )
        parts.append(f"- **{found.title}** ({found.total:,} in all): {shown}")
    return parts if parts[2:] else []


def _worst(summary: Summary) -> list[str]:
    if not summary["worst"]:
        return []
    parts = ["## Worst utterances", "`report.html` has them to listen to."]
    for item in summary["worst"][:_MAX_WORST]:
        who = f"{item['speaker']}, " if item["speaker"] else ""
        lines = [f"- {escape(who)}{item['seconds']} s", f"  - said: {quoted(item['reference'])}"]
        lines += [
            f"  - {title}: {quoted(item[name])}" for name, title in TITLES.items() if name in item
        ]
        parts.append("\n".join(lines))
    return parts


def quoted(text: str) -> str:
    """Returns a text in quotation marks, or the words for an empty one and for white space."""
    if not text:
        return "nothing"
    return "space" if text.isspace() else f"“{escape(text)}”"
