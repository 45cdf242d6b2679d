"""Transcripts of synthesised meetings: what they change of the sentences, and what they leave."""

import random

import pytest

from bench.minutes import edited, moved, paraphrased, sentences, with_gaps

EVERYDAY = sentences("everyday", "nb", 36)


@pytest.mark.parametrize("rewrite", [with_gaps, paraphrased, moved])
def test_all_sentences_are_said_in_their_order(rewrite) -> None:
    lines = rewrite(EVERYDAY, "nb", random.Random(1))
    assert [line.said for line in lines if line.said] == EVERYDAY
    changed = sum(line.said != line.written for line in lines)
    assert 3 <= changed <= 24


def test_moved_sentences_are_written_once() -> None:
    lines = moved(EVERYDAY, "nb", random.Random(1))
    assert sorted(line.written for line in lines if line.written) == sorted(EVERYDAY)


def test_paraphrased_sentences_differ_by_one_change() -> None:
    lines = paraphrased(EVERYDAY, "nb", random.Random(1))
    for line in lines:
        said, written = line.said.split(), line.written.split()
        differing = [
            (one, other) for one, other in zip(said, written, strict=False) if one != other
        ]
        assert len(written) == len(said) - 1 or len(differing) in {0, 1, 2}


def test_minutes_lack_fillers_and_have_digits() -> None:
    lines = edited(EVERYDAY, "nb", random.Random(1))
    text = " ".join(line.written for line in lines)
    assert any(char.isdigit() for char in text)
    fillers = {"eh", "altså", "liksom"}
    assert fillers & {word for line in lines for word in line.said.split()}
    assert not fillers & set(text.replace(".", "").lower().split())
