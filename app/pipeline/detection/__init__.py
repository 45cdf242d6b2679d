"""Chooses the language of recordings by their speech: of the whole, or of each utterance.

`recognition` runs it: `pieces` cuts the speech, each model scores it, `probabilities` compares the
scores; `mixed` transcribes the parts in several languages and `joining` makes one transcript of
them.
"""

from app.pipeline.detection.recognition import DetectingRecognition, FindSpeech

__all__ = ["DetectingRecognition", "FindSpeech"]
