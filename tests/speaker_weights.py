"""Weights for the networks of speakers: random ones, and those that were trained."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from app.speakers.embedding import CamPlusPlus
from app.speakers.segmentation import PyanNet
from app.speakers.weights import SEGMENTATION, VOICES


def write_weights(folder: Path, *, always: int = 1) -> Path:
    """Writes networks of which one finds the same in every frame, and the other is random.

    Args:
        folder: is made.
        always: the class of every frame; 0 is silence, 1 one speaker, 4 two at once.
    """
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    segmentation = PyanNet()
    with torch.no_grad():
        segmentation.classifier.weight.zero_()
        segmentation.classifier.bias.zero_()
        segmentation.classifier.bias[always] = 9.0
    save_file(segmentation.state_dict(), folder / SEGMENTATION)
    save_file(CamPlusPlus().state_dict(), folder / VOICES)
    return folder
