"""Speech with its text, wherever it is kept: records in, nothing decoded before it is needed."""

from trainer.data.folder import evaluation_sentences, read_split
from trainer.data.record import Audio, Record, Waveform, labels_of

__all__ = ["Audio", "Record", "Waveform", "evaluation_sentences", "labels_of", "read_split"]
