"""Pieces of one recording whose transcript differs from it within its sentences."""

from dataclasses import replace

import numpy as np
import pytest
from demo_model import DEMO

from app.acoustic import load_checkpoint
from app.decoding import ModelDecoders
from bench.meetings import Meeting, make_meeting, verbatim
from trainer.segmentation import Segmenter
from trainer.segmentation.segment import DIFFERENT, LONG, NOT_SAID, NOT_WRITTEN, Segments

pytestmark = pytest.mark.long

SAID = (
    "barna leker i hagen mens de venter på bestefar",
    "han leste boken ferdig på en eneste kveld",
    "vi tar en pause og fortsetter etter lunsj",
    "den gamle broen må repareres før vinteren",
    "bedriften ansetter tjue nye medarbeidere neste år",
)
ADDED, REPLACED, MISSING, GIBBERISH = 0, 1, 2, 3
WRITTEN = (
    SAID[0].replace("mens", "imidlertid mens"),
    SAID[1].replace("boken", "protokollen"),
    SAID[2].replace("fortsetter ", ""),
    SAID[3].replace("broen", "3-1"),
    SAID[4],
)


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    model = load_checkpoint(DEMO, "cpu", "float32")
    return Segmenter(model, ModelDecoders(model.vocabulary, [DEMO]), "nb", 15.0)


@pytest.fixture(scope="module")
def spoken() -> Meeting:
    return make_meeting(verbatim(SAID), language="nb", seed=5)


@pytest.fixture(scope="module")
def found(segmenter: Segmenter, spoken: Meeting) -> Segments:
    return segmenter.segment(spoken.wave, " ".join(WRITTEN).split())


def kept(found: Segments) -> str:
    return " ".join(piece.text for piece in found.pieces)


def test_word_that_was_not_said_is_left_out_of_its_sentence(found: Segments) -> None:
    assert SAID[ADDED] in kept(found)
    assert "imidlertid" in [item.text for item in found.left_out if item.reason == NOT_SAID]


def test_sentence_of_which_other_words_are_written_is_left_out(found: Segments) -> None:
    texts = [item.text for item in found.left_out if item.reason == DIFFERENT]
    assert WRITTEN[REPLACED] in texts
    assert WRITTEN[MISSING] in texts
    assert any("gamle 3-1 må" in text for text in texts)
    assert kept(found).replace("før vinteren ", "") == f"{SAID[ADDED]} {SAID[-1]}"


def test_pieces_are_cut_where_nothing_is_said(found: Segments, spoken: Meeting) -> None:
    for piece in found.pieces:
        said = spoken.said_between(piece.start, piece.end)
        assert " ".join(word.text for word in said) == piece.text
        assert 0.5 < piece.score <= 1
        for edge in (piece.start, piece.end):
            around = spoken.wave[round((edge - 0.02) * 16000) : round((edge + 0.02) * 16000)]
            assert np.abs(around).max() < 0.02


def test_sentence_longer_than_a_piece_may_be_is_left_out(
    segmenter: Segmenter, spoken: Meeting
) -> None:
    found = replace(segmenter, max_seconds=1.0).segment(spoken.wave, " ".join(SAID).split())
    assert found.pieces == ()
    texts = [item.text for item in found.left_out if item.reason == LONG]
    assert " ".join(texts) == " ".join(SAID)


def test_silence_has_no_pieces(segmenter: Segmenter) -> None:
    for samples in (0, 100, 48000):
        found = segmenter.segment(np.zeros(samples, np.float32), ("ingenting", "her"))
        assert found.pieces == ()
        assert [(item.reason, item.text) for item in found.left_out] == [
            (NOT_SAID, "ingenting her")
        ]


def test_speech_that_nothing_is_written_of_has_no_pieces(
    segmenter: Segmenter, spoken: Meeting
) -> None:
    found = segmenter.segment(spoken.wave, ("fyrtårn",))
    assert found.pieces == ()
    assert {item.reason for item in found.left_out} == {NOT_WRITTEN, NOT_SAID}
