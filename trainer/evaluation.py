"""A checkpoint folder and a manifest in, word and character error rates out."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import soundfile
import soxr
import torch
from transformers import Wav2Vec2ForCTC

from trainer.errors import DataError
from trainer.store import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Error rates as fractions (0.05 is 5 %), over so many utterances and seconds of audio."""

    greedy_wer: float
    greedy_cer: float
    utterances: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


def load_stock(folder: Path) -> Wav2Vec2ForCTC:
    """Load a checkpoint folder with stock transformers, in fp32."""
    return Wav2Vec2ForCTC.from_pretrained(folder, dtype=torch.float32).eval()
