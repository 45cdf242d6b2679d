"""Transcripts in formats of annotation tools and subtitles, read by those tools' readers."""

from pathlib import Path

import pympi
import pysubs2
import pytest
from praatio import textgrid

from app.formats import as_transcript, to_ctm, to_eaf, to_srt, to_textgrid
from app.transcript import AlignedTranscript, AlignedWord, Timing, Transcript

TIMING = Timing(0.0, 0.1, 0.2, 0.1, 0.1)
ALIGNED = AlignedTranscript(
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
    timing=TIMING,
)
EMPTY = AlignedTranscript((), "nb", "demo-nb", 1.0, TIMING)
WORDS = [(0.42, 0.6, "«Hei»,"), (0.6, 0.601, "på"), (2.5, 2.75, '"Ærøy"')]
SEGMENTS = [(0.42, 0.601, "«Hei», på"), (2.5, 2.75, '"Ærøy"')]


@pytest.fixture
def transcript() -> Transcript:
    return as_transcript(ALIGNED)


def test_words_that_were_not_found_are_in_no_transcript(transcript: Transcript) -> None:
    assert transcript.text == '«Hei», på "Ærøy"'
    assert [word.confidence for word in transcript.words] == [0.98, 0.5, 0.75]


def test_praat_reads_the_tiers(transcript: Transcript, tmp_path: Path) -> None:
    file = tmp_path / "a.TextGrid"
    file.write_text(to_textgrid(transcript), encoding="utf-8")
    grid = textgrid.openTextgrid(str(file), includeEmptyIntervals=False)
    assert grid.maxTimestamp == 3.2
    assert list(grid.tierNames) == ["segments", "words"]
    for name, expected in (("words", WORDS), ("segments", SEGMENTS)):
        entries = [(entry.start, entry.end, entry.label) for entry in grid.getTier(name).entries]
        assert entries == expected


def test_elan_reads_the_tiers(transcript: Transcript, tmp_path: Path) -> None:
    file = tmp_path / "a.eaf"
    file.write_text(to_eaf(transcript, media="opptak.flac"), encoding="utf-8")
    document = pympi.Eaf(str(file), suppress_version_warning=True)
    assert sorted(document.get_tier_names()) == ["segments", "words"]
    for name, expected in (("words", WORDS), ("segments", SEGMENTS)):
        entries = [
            (start / 1000, end / 1000, text)
            for start, end, text in sorted(document.get_annotation_data_for_tier(name))
        ]
        assert entries == expected
    assert [linked["MEDIA_URL"] for linked in document.get_linked_files()] == ["opptak.flac"]


def test_players_read_the_subtitles(transcript: Transcript) -> None:
    subtitles = pysubs2.SSAFile.from_string(to_srt(transcript), format_="srt")
    assert [(line.start, line.end, line.plaintext) for line in subtitles] == [
        (round(1000 * start), round(1000 * end), text) for start, end, text in SEGMENTS
    ]


def test_ctm_has_a_line_for_each_word(transcript: Transcript) -> None:
    assert to_ctm(transcript, recording="møte 1").splitlines() == [
        "møte_1 1 0.420 0.180 «Hei», 0.9800",
        "møte_1 1 0.600 0.000 på 0.5000",
        'møte_1 1 2.500 0.250 "Ærøy" 0.7500',
    ]


def test_nothing_said_is_a_whole_file_all_the_same(tmp_path: Path) -> None:
    nothing = as_transcript(EMPTY)
    assert to_ctm(nothing, recording="a") == ""
    assert to_srt(nothing).strip() == ""
    file = tmp_path / "a.TextGrid"
    file.write_text(to_textgrid(nothing), encoding="utf-8")
    assert textgrid.openTextgrid(str(file), includeEmptyIntervals=False).maxTimestamp == 1.0
    document = tmp_path / "a.eaf"
    document.write_text(to_eaf(nothing), encoding="utf-8")
    assert len(pympi.Eaf(str(document), suppress_version_warning=True).get_tier_names()) == 2
