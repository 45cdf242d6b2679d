"""Who speaks when in a recording; needs the extra `speakers`, and the weights of two networks."""

from app.speakers.diarizer import Diarizer
from app.speakers.known import name_speakers
from app.speakers.labels import label_words, numbered_speaker
from app.speakers.online import OnlineSpeakers
from app.speakers.types import DiarizationOptions, Embedding, KnownVoice, Turn
from app.speakers.weights import weights_folder

__all__ = [
    "DiarizationOptions",
    "Diarizer",
    "Embedding",
    "KnownVoice",
    "OnlineSpeakers",
    "Turn",
    "label_words",
    "name_speakers",
    "numbered_speaker",
    "weights_folder",
]
