"""When words are what a model reads, and when they are more, less or other words."""

import pytest
from read_letters import FRAME_SECONDS, VOCABULARY, emissions_of

from trainer.segmentation.reading import Doubt, Reader

SAID = "vi tar en pause og fortsetter etter lunsj"


def doubt(
    read: str, written: str, decoded: str | None = None, *, unknown: frozenset[str] = frozenset()
) -> Doubt:
    emissions = emissions_of(read)
    words = (written if decoded is None else decoded).split()
    reader = Reader(emissions, VOCABULARY, FRAME_SECONDS, set(words) - unknown)
    seconds = len(emissions) * FRAME_SECONDS
    return reader.doubt(0.0, seconds, written.split(), words)


def test_words_that_are_read_are_not_doubted() -> None:
    assert doubt(SAID, SAID).value == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("read", ["fortsettar", "forsetter", "fortsettær", "fårtsetter"])
def test_misread_letter_of_a_word_passes(read: str) -> None:
    found = doubt(SAID.replace("fortsetter", read), SAID)
    assert 0 < found.value <= 1
    assert SAID.split()[found.word] == "fortsetter"


@pytest.mark.parametrize("missing", ["en", "og", "pause"])
def test_word_that_is_said_and_not_written_does_not_pass(missing: str) -> None:
    written = SAID.replace(f"{missing} ", "")
    found = doubt(SAID, written)
    assert found.value > 1
    assert SAID.split()[found.word] == written.split()[found.word]
    assert SAID.split()[found.word + 1] == missing


@pytest.mark.parametrize("added", ["i", "da", "alle"])
def test_word_that_is_written_and_not_said_does_not_pass(added: str) -> None:
    written = SAID.replace("pause", f"pause {added}")
    found = doubt(SAID, written)
    assert found.value > 1
    assert written.split()[found.word] == added


@pytest.mark.parametrize("other", ["time", "pausen er", "salat"])
def test_other_word_does_not_pass(other: str) -> None:
    assert doubt(SAID, SAID.replace("pause", other)).value > 1


def test_words_pass_unless_the_decoder_reads_other_words_of_the_language() -> None:
    read = SAID.replace("fortsetter", "forsettar")
    assert doubt(read, SAID).value <= 1
    assert doubt(read, SAID, decoded=read).value > 1
    assert doubt(read, SAID, decoded=read, unknown=frozenset({"forsettar"})).value <= 1


def test_words_that_cannot_be_spelled_or_are_too_long_do_not_pass() -> None:
    assert doubt(SAID, "3-1").value == float("inf")
    assert doubt("og", SAID).value == float("inf")
