"""Formats of annotation tools and tables, read back by other software."""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import pytest
import tgt
from examples import examples
from hypothesis import given, settings
from praatio import textgrid
from timed_words import TIMING, texts, transcript_of, transcripts

from app.contract.answers import AlignedWord, Alignment, Transcript, Word
from app.formats import as_transcript, render
from app.formats.timeline import time_words

ALIGNED = Alignment(
    words=(
        AlignedWord("«Hei»,", 0.42, 0.6004, 0.98, found=True),
        AlignedWord("her", None, None, 0.0, found=False),
        AlignedWord("på", 0.6004, 0.6006, 0.5, found=True),
        AlignedWord('"Ærøy"', 2.5, 2.75, 0.75, found=True),
        AlignedWord("21", 2.8, 2.9, 0.0, found=False),
    ),
    language="nb",
    model="demo-nb",
    duration=3.2,
    audio=None,
    warnings=(),
    timing=TIMING,
    request_id="",
)
WORDS = [(0.42, 0.6, "«Hei»,"), (0.6, 0.601, "på"), (2.5, 2.75, '"Ærøy"')]
UTTERANCES = [(0.42, 0.601, "«Hei», på"), (2.5, 2.75, '"Ærøy"')]
NOTHING = transcript_of([], 1.0)


@pytest.fixture
def transcript() -> Transcript:
    return as_transcript(ALIGNED)


def grid_of(transcript: Transcript) -> tgt.TextGrid:
    """As `tgt` reads it."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "a.TextGrid"
        file.write_text(render(transcript, "textgrid").text, encoding="utf-8")
        return tgt.read_textgrid(str(file), encoding="utf-8", include_empty_intervals=True)


def labels(tier: tgt.IntervalTier) -> list[tuple[float, float, str]]:
    return [(item.start_time, item.end_time, item.text) for item in tier if item.text]


def test_words_not_found_are_left_out(transcript: Transcript) -> None:
    assert transcript.text == '«Hei», på "Ærøy"'
    assert [word.confidence for word in transcript.words] == [0.98, 0.5, 0.75]


def test_praat_reads_the_tiers(transcript: Transcript, tmp_path: Path) -> None:
    file = tmp_path / "a.TextGrid"
    file.write_text(render(transcript, "textgrid").text, encoding="utf-8")
    grid = textgrid.openTextgrid(str(file), includeEmptyIntervals=False)
    assert grid.maxTimestamp == 3.2
    assert list(grid.tierNames) == ["utterances", "words"]
    for name, expected in (("words", WORDS), ("utterances", UTTERANCES)):
        entries = [(entry.start, entry.end, entry.label) for entry in grid.getTier(name).entries]
        assert entries == expected


@given(transcripts())
@settings(max_examples=examples(40), deadline=None)
def test_textgrid_has_every_word_and_no_gap(transcript: Transcript) -> None:
    grid = grid_of(transcript)
    assert grid.get_tier_names() == ["utterances", "words"]
    words = grid.get_tier_by_name("words")
    assert labels(words) == [
        (word.start / 1000, word.end / 1000, word.text) for word in time_words(transcript).words
    ]
    utterances = labels(grid.get_tier_by_name("utterances"))
    assert [text for _, _, text in utterances] == [
        segment.text for segment in transcript.written_segments
    ]
    # Praat needs intervals without holes, from the grid's beginning to its end.
    edges = [0.0, *(item.end_time for item in words)]
    assert [item.start_time for item in words] == edges[:-1]
    assert edges[-1] == grid.end_time <= max(transcript.duration, len(words) / 1000, 0.001)


def tiers_of(body: str) -> dict[str, list[tuple[int, int, str]]]:
    """The tiers of a document of ELAN, which must keep to the rules of its schema."""
    document = ElementTree.fromstring(body.encode())
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "CONSTRAINT"]
    positions = [order.index(child.tag) for child in document]
    assert positions == sorted(positions)
    assert set(document.attrib) >= {"AUTHOR", "DATE", "VERSION", "FORMAT"}
    slots = {
        slot.attrib["TIME_SLOT_ID"]: int(slot.attrib["TIME_VALUE"])
        for slot in document.iter("TIME_SLOT")
    }
    assert len(slots) == len(list(document.iter("TIME_SLOT")))
    identifiers = [item.attrib["ANNOTATION_ID"] for item in document.iter("ALIGNABLE_ANNOTATION")]
    assert len(set(identifiers)) == len(identifiers)
    assert set(identifiers).isdisjoint(slots)
    types = {kind.attrib["LINGUISTIC_TYPE_ID"] for kind in document.iter("LINGUISTIC_TYPE")}
    tiers = {}
    for tier in document.iter("TIER"):
        assert tier.attrib["LINGUISTIC_TYPE_REF"] in types
        tiers[tier.attrib["TIER_ID"]] = [
            (
                slots[item.attrib["TIME_SLOT_REF1"]],
                slots[item.attrib["TIME_SLOT_REF2"]],
                item.findtext("ANNOTATION_VALUE") or "",
            )
            for item in tier.iterfind("ANNOTATION/ALIGNABLE_ANNOTATION")
        ]
    return tiers


def test_elan_reads_the_tiers(transcript: Transcript) -> None:
    body = render(transcript, "eaf", recording="mappe/opptak.flac").text
    assert body.startswith('<?xml version="1.0" encoding="UTF-8"?>')
    assert tiers_of(body) == {
        name: [(round(start * 1000), round(end * 1000), text) for start, end, text in expected]
        for name, expected in (("utterances", UTTERANCES), ("words", WORDS))
    }
    (media,) = ElementTree.fromstring(body.encode()).iter("MEDIA_DESCRIPTOR")
    assert media.attrib == {
        "MEDIA_URL": "opptak.flac",
        "RELATIVE_MEDIA_URL": "./opptak.flac",
        "MIME_TYPE": "audio/flac",
    }


def test_recording_without_a_media_ending_is_not_linked(transcript: Transcript) -> None:
    assert "MEDIA_DESCRIPTOR" not in render(transcript, "eaf", recording="upload").text


@given(transcripts())
@settings(max_examples=examples(40), deadline=None)
def test_eaf_has_every_word_without_overlap(transcript: Transcript) -> None:
    tiers = tiers_of(render(transcript, "eaf").text)
    assert [text for _, _, text in tiers["words"]] == texts(transcript)
    for items in tiers.values():
        times = [time for start, end, _ in items for time in (start, end)]
        assert times == sorted(times)
        assert all(start < end for start, end, _ in items)


def test_ctm_has_a_line_for_each_word(transcript: Transcript) -> None:
    assert render(transcript, "ctm", recording="møte 1.wav").text.splitlines() == [
        "møte_1 1 0.420 0.180 «Hei», 0.9800",
        "møte_1 1 0.600 0.001 på 0.5000",
        'møte_1 1 2.500 0.250 "Ærøy" 0.7500',
    ]


@given(transcripts())
@settings(max_examples=examples(40), deadline=None)
def test_ctm_is_six_columns_ordered_by_time(transcript: Transcript) -> None:
    body = render(transcript, "ctm", recording=";; x y").text
    rows = list(csv.reader(body.split("\n")[:-1], delimiter=" ", quoting=csv.QUOTE_NONE))
    assert all(len(row) == 6 and row[:2] == ["_x_y", "1"] for row in rows)
    assert [row[4] for row in rows] == texts(transcript)
    starts = [float(row[2]) for row in rows]
    assert starts == sorted(starts)
    assert all(float(row[3]) > 0 and 0 <= float(row[5]) <= 1 for row in rows)


@given(transcripts())
@settings(max_examples=examples(40), deadline=None)
def test_tsv_has_a_row_for_each_utterance(transcript: Transcript) -> None:
    body = render(transcript, "tsv").text
    header, *rows = csv.reader(body.split("\n")[:-1], delimiter="\t", quoting=csv.QUOTE_NONE)
    assert header == ["start", "end", "text"]
    assert [row[2] for row in rows] == [segment.text for segment in transcript.written_segments]
    times = [int(time) for row in rows for time in row[:2]]
    assert times == sorted(times)
    if times:
        assert times[-1] <= max(transcript.duration * 1000 + 1e-6, len(texts(transcript)))


def test_unwritable_characters_become_spaces() -> None:
    odd = transcript_of(
        [Word("a\tb\nc\x00d\ud800e", 0.0, 1.0, 1.0), Word("\x01", 1.0, 2.0, 1.0)], 2.0
    )
    assert render(odd, "tsv").text == "start\tend\ttext\n0\t1000\ta b c d e\n"
    assert tiers_of(render(odd, "eaf").text)["words"] == [(0, 1000, "a b c d e")]
    assert " a_b_c_d_e " in render(odd, "ctm").text
    assert labels(grid_of(odd).get_tier_by_name("words")) == [(0.0, 1.0, "a b c d e")]


def test_empty_transcript_is_a_valid_file() -> None:
    assert render(NOTHING, "ctm").text == ""
    assert render(NOTHING, "text").text == ""
    assert render(NOTHING, "tsv").text == "start\tend\ttext\n"
    assert tiers_of(render(NOTHING, "eaf").text) == {"utterances": [], "words": []}
    grid = grid_of(NOTHING)
    assert grid.end_time == 1.0
    assert [labels(tier) for tier in grid] == [[], []]
