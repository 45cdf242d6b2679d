"""Who speaks when in a recording; needs the extra `speakers`, and the weights of two networks."""

from app.speakers.diarizer import Diarizer
from app.speakers.labels import label_words
from app.speakers.types import DiarizationOptions, Turn
from app.speakers.weights import weights_folder

__all__ = ["DiarizationOptions", "Diarizer", "Turn", "label_words", "weights_folder"]
