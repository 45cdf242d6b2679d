"""Loads the model that a student learns from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import Wav2Vec2ForCTC

from trainer.data import Record
from trainer.errors import DataError
from trainer.evaluation.digest import ENCODER, model_digest
from trainer.export.tokens import Tokens, read_tokens
from trainer.model import BLANK, DELIMITER, END, SPECIAL, START, UNKNOWN, collapse
from trainer.provenance import Start, start_of
from trainer.training.batches import collate
from trainer.training.framing import Framing
from trainer.training.loss import autocast
from trainer.training.network import CtcNetwork

_BATCH = 8


@dataclass(frozen=True, slots=True)
class Teacher:
    """A model that computes emissions and learns nothing.

    `folder` is where it was loaded from. `tokens` have the names of ours; `start` names it,
    `digest` is of its encoder's files.
    """

    folder: Path
    network: CtcNetwork
    tokens: tuple[str, ...]
    framing: Framing
    start: Start
    digest: str

    def offset(self, student: Framing) -> int:
        """Returns which frame of the teacher has its middle nearest to that of a student's first.

        Raises:
            DataError: the frames have other lengths.
        """
        mine, its = self.framing.grid, student.grid
        if mine.hop != its.hop:
            raise DataError(
                f"the teacher {self.start.name} has frames of {mine.hop} samples, and the recipe "
                f"of {its.hop}; both must have the same (the product of model.conv_stride)"
            )
        return round((its.receptive_field - mine.receptive_field) / 2 / mine.hop)

    def targets(self, path: Sequence[int]) -> list[int]:
        """Returns the tokens of a CTC path: repetitions merged, special tokens left out."""
        special = {self.tokens.index(token) for token in SPECIAL}
        merged = [
            token for place, token in enumerate(path) if not place or token != path[place - 1]
        ]
        return [token for token in merged if token not in special]

    @torch.no_grad()
    def labelled(self, records: Sequence[Record], precision: str) -> list[Record]:
        """Gives the records without a text the one that the teacher reads, greedily.

        Those in which it reads nothing are left out.

        Raises:
            DataError: it reads nothing in any.
        """
        found = list(records)
        empty = [index for index, record in enumerate(found) if not record.text]
        place = self.network.model.device
        for start in range(0, len(empty), _BATCH):
            part = empty[start : start + _BATCH]
            batch = collate(found, part, self.framing, tokens=self.tokens).to(place)
            with autocast(precision, place):
                paths = self.network(batch.waveforms, batch.frames).argmax(-1).cpu()
            for row, path, frames in zip(batch.rows, paths, batch.frames, strict=True):
                text = collapse(path[:frames].tolist(), self.tokens)
                found[row[0]] = replace(found[row[0]], text=text)
        read = [record for record in found if record.text]
        if not read:
            raise DataError(
                f"the teacher {self.start.name} reads no word in the split valid, so that nothing "
                "can be measured; take other recordings, or give their texts"
            )
        return read


def load_teacher(folder: Path, device: torch.device) -> Teacher:
    """Loads a checkpoint folder in either layout.

    Raises:
        CheckpointError: its vocabulary cannot be read.
        DataError: another family than wav2vec2, other special tokens than ours, or samples that
            are not normalised.
    """
    config = _read(folder / "config.json")
    if config.get("model_type") != "wav2vec2":
        raise DataError(
            f"the teacher {folder} is of the family {config.get('model_type')}; only wav2vec2 "
            "models can teach"
        )
    tokens = _tokens(folder, config)
    if not _normalises(folder):
        raise DataError(f"the teacher {folder} takes samples that are not normalised")
    model: Wav2Vec2ForCTC = Wav2Vec2ForCTC.from_pretrained(folder, dtype=torch.float32)
    network = CtcNetwork(model, device).to(device).eval()
    network.requires_grad_(requires_grad=False)
    digest = model_digest(folder, ENCODER)
    start = start_of(str(folder))
    return Teacher(folder, network, tokens, Framing.of(model.config), start, digest)


def _tokens(folder: Path, config: dict[str, Any]) -> tuple[str, ...]:
    """Returns the tokens with the names that this trainer has for the special ones."""
    found: Tokens = read_tokens(folder, config)
    names = {
        found.blank: BLANK,
        found.unknown: UNKNOWN,
        found.start: START,
        found.end: END,
        found.delimiter: DELIMITER,
    }
    tokens = tuple(names.get(token, token) for token in found.tokens)
    if missing := [name for name in (DELIMITER, *SPECIAL) if name not in tokens]:
        raise DataError(f"the teacher {folder} has no token {', '.join(missing)}")
    return tokens


def _normalises(folder: Path) -> bool:
    file = folder / "preprocessor_config.json"
    if file.is_file():
        return bool(_read(file).get("do_normalize", True))
    extractor: dict[str, Any] = _read(folder / "processor_config.json")["feature_extractor"]
    return bool(extractor.get("do_normalize", True))


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read: {error}") from error
    return found
