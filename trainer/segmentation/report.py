"""Writes the report of a segmentation: one HTML page, whose audio is in the files beside it."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from trainer.evaluation.report.document import html_document
from trainer.segmentation.folder import Cut
from trainer.segmentation.segment import LeftOut, Piece

_LEAST_SURE = 100


def page(counts: Mapping[str, Any], cuts: Sequence[Cut]) -> str:
    """Returns the page. It loads nothing but the pieces, and runs no script."""
    sections = [
        _summary(counts),
        _least_sure(cuts, counts["language"]),
        *(_recording(number, cut, counts["language"]) for number, cut in enumerate(cuts, 1)),
    ]
    minutes = f"{60 * counts['piece_hours']:,.1f} of {60 * counts['hours']:,.1f} minutes"
    header = (
        f"<p>Pieces: {counts['pieces']:,}. Recordings: {counts['recordings']:,}. Kept: {minutes}. "
        f"Model: {escape(counts['model'])}.</p>"
    )
    return html_document("Segmented recordings", header, sections, media="'self' file:")


def _summary(counts: Mapping[str, Any]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(reason)}</th><td>{own["parts"]:,}</td>'
        f"<td>{own['seconds']:,.1f}</td><td>{own['words']:,}</td></tr>"
        for reason, own in counts["left_out"].items()
    )
    return (
        '<section><h2 id="left-out">What was left out</h2><table><thead><tr>'
        '<th scope="col">why</th><th scope="col">parts</th>'
        '<th scope="col">seconds of speech</th><th scope="col">written words</th>'
        f"</tr></thead><tbody>{lines}</tbody></table>"
        "<p>Below, <del>struck out</del> is what was written and is in no piece, and "
        "<ins>underlined</ins> what the model reads there. The score of a piece is the mean "
        "probability of its letters.</p></section>"
    )


def _least_sure(cuts: Sequence[Cut], language: str) -> str:
    pieces = [
        (piece, file, cut.pair.name)
        for cut in cuts
        for piece, file in zip(cut.segments.pieces, cut.files, strict=True)
    ]
    pieces.sort(key=lambda row: row[0].doubt.value, reverse=True)
    lines = "".join(
        _piece(piece, file, f"{name}, {_clock(piece.start)}")
        for piece, file, name in pieces[:_LEAST_SURE]
    )
    return (
        '<section><h2 id="least-sure">The least sure pieces</h2>'
        f"<p>At most {_LEAST_SURE}, the least sure first. They are the first to listen to: where "
        "the <mark>marked</mark> word is said, what the model reads by itself differs most from "
        f"the text.</p>{_table(lines, language)}</section>"
    )


def _recording(number: int, cut: Cut, language: str) -> str:
    rows = [
        (piece.start, _piece(piece, file, _clock(piece.start)))
        for piece, file in zip(cut.segments.pieces, cut.files, strict=True)
    ]
    rows += [(item.start, _left_out(item)) for item in cut.segments.left_out]
    lines = "".join(row for _, row in sorted(rows, key=lambda row: row[0]))
    return (
        f'<section><h2 id="r{number}">{escape(cut.pair.name)}</h2>'
        f"<p>{len(cut.files):,} pieces, {cut.seconds / 60:.1f} of "
        f"{cut.segments.seconds / 60:.1f} minutes.</p>{_table(lines, language)}</section>"
    )


def _table(lines: str, language: str) -> str:
    return (
        '<table><thead><tr><th scope="col">at</th><th scope="col">text</th>'
        '<th scope="col">score</th><th scope="col">sound</th></tr></thead>'
        f'<tbody lang="{escape(language)}">{lines}</tbody></table>'
    )


def _piece(piece: Piece, file: str, place: str) -> str:
    words = [escape(word) for word in piece.text.split()]
    words[piece.doubt.word] = f"<mark>{words[piece.doubt.word]}</mark>"
    return (
        f"<tr><td>{escape(place)}</td><td>{' '.join(words)}</td>"
        f"<td>{piece.score:.2f}</td><td><audio controls preload='none' "
        f'aria-label="{escape(piece.text)}" src="{escape(quote(file))}"></audio></td></tr>'
    )


def _left_out(item: LeftOut) -> str:
    written = item.text and f"<del>{escape(item.text)}</del>"
    read = item.read and f"<ins>{escape(item.read)}</ins>"
    return (
        f"<tr><td>{_clock(item.start)}</td><td>{written} {read}</td><td></td>"
        f'<td lang="en">{escape(item.reason)}</td></tr>'
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
