"""Writes an evaluation as one self-contained HTML page.

The sound of the worst utterances is in the page itself, as FLAC: every browser plays it.
"""

import base64
import io
from html import escape

import soundfile

from app.audio import SAMPLE_RATE
from trainer.evaluation.alignment import Chunk, align_words
from trainer.evaluation.measure import TITLES
from trainer.evaluation.report.document import html_document
from trainer.evaluation.report.figures import (
    ConfusionTable,
    GroupTable,
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
from trainer.evaluation.test_set import TestSet

_MAX_CLIP_SECONDS = 20


def page(summary: Summary, test_set: TestSet) -> str:
    """Returns the page. It loads nothing and runs no script, which its policy enforces."""
    sections = [
        _results(summary),
        *(_groups(found) for found in group_tables(summary)),
        _confusions(summary),
        _worst(summary, test_set),
        f'<section><h2 id="how">How this was measured</h2>'
        f"<p>{escape(method_line(summary))}</p><p>{escape(machine_line(summary))}</p></section>",
    ]
    return html_document(
        f"Test report of {summary['model']}",
        f"<p>{escape(test_set_line(summary))}</p>",
        sections,
        media="data:",
    )


def _results(summary: Summary) -> str:
    rows = decodings(summary)
    top = max(row.wer_interval[1] for row in rows)
    lines = "".join(
        f'<tr><th scope="row">{escape(row.title)}</th>'
        f"<td><b>{percent(row.wer)}</b> <small>{span(row.wer_interval)}</small></td>"
        f"<td>{_bar(row.wer, top, row.wer_interval)}</td>"
        f"<td><b>{percent(row.cer)}</b> <small>{span(row.cer_interval)}</small></td>"
        f"<td>{factor(row.real_time_factor)}</td></tr>"
        for row in rows
    )
    encoder = factor(summary["real_time_factor"]["encoder"])
    return (
        '<section><h2 id="rates">Error rates</h2>'
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="rates"><table><thead><tr>'
        '<th scope="col">decoding</th><th scope="col" colspan="2">word error rate</th>'
        '<th scope="col">character error rate</th><th scope="col">real-time factor</th>'
        f"</tr></thead><tbody>{lines}</tbody></table></div>"
        f"<p>{escape(language_model_line(summary))} The encoder before all of them has a real-time "
        f"factor of {encoder}.</p></section>"
    )


def _groups(found: GroupTable) -> str:
    names = [name for name in TITLES if found.groups[0][f"{name}_wer"] is not None]
    top = max(group[f"{name}_wer"] for group in found.groups for name in names)
    head = "".join(
        f'<th scope="col" colspan="2">WER, {escape(TITLES[name])}</th>' for name in names
    )
    lines = "".join(
        f'<tr><th scope="row">{escape(group["name"])}</th><td>{group["utterances"]:,}</td>'
        f"<td>{group['words']:,}</td>"
        + "".join(
            f"<td>{percent(group[f'{name}_wer'])}</td><td>{_bar(group[f'{name}_wer'], top)}</td>"
            for name in names
        )
        + "</tr>"
        for group in found.groups
    )
    key = f"by-{found.column}"
    more = f"<p>{found.left_out} more did better.</p>" if found.left_out else ""
    note = f"<p>{escape(found.note)}</p>" if found.note else ""
    return (
        f'<section><h2 id="{key}">{escape(found.title)}</h2>{note}'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{key}"><table><thead><tr>'
        f'<th scope="col">{escape(found.column)}</th><th scope="col">utterances</th>'
        f'<th scope="col">words</th>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
        f"{more}</section>"
    )


def _confusions(summary: Summary) -> str:
    tables = "".join(_confusion_table(found) for found in confusion_tables(summary))
    if not tables:
        return ""
    return (
        '<section><h2 id="errors">Most frequent errors</h2>'
        f'<p>Of the final decoding.</p><div class="columns">{tables}</div></section>'
    )


def _confusion_table(found: ConfusionTable) -> str:
    lines = "".join(
        f"<tr><td>{_shown(spoken)}</td><td>{_shown(written)}</td><td>{count:,}</td></tr>"
        for spoken, written, count in found.rows
    )
    return (
        f"<table><caption>{escape(found.title)} <small>{found.total:,} in all</small></caption>"
        '<thead><tr><th scope="col">said</th><th scope="col">written</th>'
        f'<th scope="col">times</th></tr></thead><tbody>{lines}</tbody></table>'
    )


def _worst(summary: Summary, test_set: TestSet) -> str:
    if not summary["worst"]:
        return ""
    articles = "".join(
        _utterance(number, item, test_set) for number, item in enumerate(summary["worst"], start=1)
    )
    return (
        '<section><h2 id="worst">Worst utterances</h2>'
        "<p>By word error rate of the final decoding. <del>Struck out</del> is what was said and "
        "not written, <ins>underlined</ins> what was written and not said.</p>"
        f"{articles}</section>"
    )


def _utterance(number: int, item: Summary, test_set: TestSet) -> str:
    record = test_set.records[item["index"]]
    language = f' lang="{escape(record.language)}"' if record.language else ""
    written = "".join(
        f"<dt>{escape(title)}</dt><dd{language}>{_difference(item['reference'], item[name])}</dd>"
        for name, title in TITLES.items()
        if name in item
    )
    facts = ", ".join(filter(None, [item["speaker"], f"{item['seconds']} s"]))
    cut = record.seconds > _MAX_CLIP_SECONDS
    note = f", the first {_MAX_CLIP_SECONDS} s" if cut else ""
    return (
        f'<article aria-labelledby="u{number}"><h3 id="u{number}">{number} '
        f"<small>{escape(facts)}</small></h3>"
        f'<audio controls preload="none" aria-label="Utterance {number}{note}" '
        f'src="{_clip(test_set, item["index"])}"></audio>'
        f"<dl><dt>said</dt><dd{language}>{escape(item['reference'])}</dd>{written}</dl></article>"
    )


def _difference(spoken: str, written: str) -> str:
    (alignment,) = align_words([spoken], [written])
    return " ".join(_marked(chunk) for chunk in alignment.chunks) or "<i>nothing</i>"


def _marked(chunk: Chunk) -> str:
    spoken, written = escape(" ".join(chunk.reference)), escape(" ".join(chunk.hypothesis))
    if chunk.kind == "equal":
        return spoken
    return " ".join(
        filter(None, [spoken and f"<del>{spoken}</del>", written and f"<ins>{written}</ins>"])
    )


def _clip(test_set: TestSet, index: int) -> str:
    wave = test_set.records[index].audio.waveform()[: _MAX_CLIP_SECONDS * SAMPLE_RATE]
    file = io.BytesIO()
    soundfile.write(file, wave, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return "data:audio/flac;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _bar(value: float, top: float, interval: tuple[float, float] | None = None) -> str:
    scale = 100 / max(top, 0.01)
    line = ""
    if interval is not None:
        low, high = interval[0] * scale, interval[1] * scale
        line = f'<path d="M{low:.1f} 5H{high:.1f}M{low:.1f} 2V8M{high:.1f} 2V8"/>'
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{value * scale:.1f}" height="10"/>{line}</svg>'
    )


def _shown(text: str) -> str:
    if not text:
        return "<i>nothing</i>"
    return "<i>space</i>" if text.isspace() else escape(text)
