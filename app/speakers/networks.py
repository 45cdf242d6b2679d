"""Both networks, with their weights: from samples to who speaks, and from features to voices."""

from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from app.errors import ConfigurationError
from app.speakers.embedding import CamPlusPlus
from app.speakers.segmentation import PyanNet
from app.speakers.types import Activity, Embedding
from app.speakers.weights import SEGMENTATION, VOICES
from app.speakers.windows import active_speakers

_ModuleT = TypeVar("_ModuleT", bound=nn.Module)


class Networks:
    """The networks of one folder, on the CPU.

    Args:
        segmentation: finds who speaks in a window.
        voices: turns speech into the values of a voice.
    """

    def __init__(self, segmentation: PyanNet, voices: CamPlusPlus) -> None:
        self._segmentation = segmentation
        self._voices = voices

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads the weights.

        Raises:
            ConfigurationError: a file is missing or damaged.
        """
        return cls(
            _with_weights(PyanNet(), folder / SEGMENTATION),
            _with_weights(CamPlusPlus(), folder / VOICES).prepare(),
        )

    def segment(self, windows: npt.NDArray[np.float32]) -> Activity:
        """Returns who speaks in windows [windows, samples]: [windows, frames, 3]."""
        with torch.inference_mode():
            scores = self._segmentation(torch.from_numpy(windows).unsqueeze(1))
            return active_speakers(scores.argmax(-1).numpy())

    def embed(self, features: npt.NDArray[np.float32]) -> Embedding:
        """Returns the voice of the one who speaks in features [frames, bands]: [values]."""
        with torch.inference_mode():
            centred = torch.from_numpy(features - features.mean(0))
            values = self._voices(centred.unsqueeze(0))[0]
            embedding: Embedding = nn.functional.normalize(values, dim=0).numpy()
        return embedding


def _with_weights(module: _ModuleT, file: Path) -> _ModuleT:
    try:
        module.load_state_dict(load_file(file))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ConfigurationError(
            f"the weights in {file} cannot be used ({str(error).splitlines()[0]}); fetch them "
            "anew: nordlyd speakers pull"
        ) from error
    return module.eval()
