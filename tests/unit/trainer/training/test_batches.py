"""Batches of records: normalised, padded, and joined to long rows where the recipe says so."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app.audio.frames import FrameGrid
from trainer.data import Waveform, read_split
from trainer.errors import DataError
from trainer.model import TOKENS, collapse, encode, vocabulary_of
from trainer.training.batches import collate
from trainer.training.framing import Framing

# As the demo models have it: 20 ms a frame.
FRAMING = Framing(FrameGrid.of_convolutions([(20, 10), (8, 4), (8, 4), (4, 2)]))
XLS_R = Framing(FrameGrid.of_convolutions([(10, 5), *[(3, 2)] * 4, (2, 2), (2, 2)]))


def test_batch_is_normalised_and_padded_with_zeros(data: Path) -> None:
    batch = collate(read_split(data, "train"), [0, 1, 2], FRAMING)
    assert batch.waveforms.shape[1] == FRAMING.width(int(batch.lengths.max()))
    for row, length in zip(batch.waveforms, batch.lengths, strict=True):
        assert row[:length].mean().item() == pytest.approx(0, abs=1e-4)
        assert row[:length].std().item() == pytest.approx(1, abs=1e-3)
        assert not row[length:].any()
    assert batch.target_lengths.sum() == len(batch.targets)
    assert batch.rows == ((0,), (1,), (2,))


def test_rows_are_joined_up_to_a_length_with_texts_in_order(data: Path) -> None:
    records = read_split(data, "train")
    alone = collate(records, [0, 1, 2], FRAMING)
    joined = collate(records, [0, 1, 2], FRAMING, join_seconds=3600.0)
    assert len(alone.waveforms) == 3
    assert joined.rows == ((0, 1, 2),)
    assert joined.targets.tolist() == encode(" ".join(records[index].text for index in (0, 1, 2)))
    assert joined.seconds >= alone.seconds
    enough = records[0].seconds + 0.1
    assert len(collate(records, [0, 1, 2], FRAMING, join_seconds=enough).waveforms) == 2
    again = collate(records, [0, 1, 2], FRAMING, join_seconds=3600.0)
    assert torch.equal(joined.waveforms, again.waveforms)


def test_text_is_unchanged_after_encoding_and_ctc_collapse() -> None:
    path = [index for token in encode("alle går") for index in (token, 31)]
    assert collapse(path) == "alle går"
    assert collapse([1, 1, 31, 1, 0, 0, 30, 2]) == "aa b"
    assert TOKENS[0] == "|"
    assert TOKENS[-4:] == ("[UNK]", "[PAD]", "<s>", "</s>")


def test_fine_tuning_vocabulary_has_the_letters_of_its_texts() -> None:
    tokens = vocabulary_of(["ku å", "så"])
    assert tokens == ("|", "k", "s", "u", "å", "[UNK]", "[PAD]", "<s>", "</s>")
    assert encode("så q", tokens) == [2, 4, 0, 5]
    assert collapse([2, 6, 4, 0, 5, 7, 1], tokens) == "så k"


@pytest.mark.parametrize("framing", [FRAMING, XLS_R])
def test_padded_widths_are_few_with_little_padding(framing: Framing) -> None:
    widths = {framing.width(samples) for samples in range(8000, 480_000, 160)}
    assert len(widths) < 90
    for samples in range(8000, 480_000, 977):
        width = framing.width(samples)
        assert samples <= width < samples * 1.07 + 8 * 320
        # The widest row of a batch has no more frames than the batch.
        assert framing.frames(width) >= framing.frames(samples)
        assert framing.samples(framing.frames(width)) == width


class UnreadableAudio:
    """Audio that cannot be read."""

    def waveform(self) -> Waveform:
        raise DataError("the disk ate it")


def test_unreadable_utterances_are_reported_and_skipped(data: Path) -> None:
    records = read_split(data, "train")
    records[1] = replace(records[1], audio=UnreadableAudio())
    warnings: list[str] = []
    batch = collate(records, [0, 1, 2], FRAMING, warn=warnings.append)
    assert batch.rows == ((0,), (2,))
    assert warnings == ["train/1 'vi går på tur' left out: the disk ate it"]
    with pytest.raises(DataError, match="train/1"):
        collate(records, [1], FRAMING)
