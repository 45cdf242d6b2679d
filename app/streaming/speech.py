"""Finds the utterances of whole recordings, as `Endpointer` finds those of live audio."""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import numpy as np

from app.audio import Recording, Samples, Span
from app.streaming.endpointing import Ended, Endpointer
from app.streaming.types import Endpointing
from app.streaming.vad import CHUNK_SAMPLES, VadModel, VoiceActivityDetector

_BLOCK_SAMPLES = 1024 * CHUNK_SAMPLES
_UTTERANCES = Endpointing(silence_seconds=0.3, prefix_seconds=0.2, max_seconds=15.0)


class SpeechFinder:
    """Finds the speech in recordings.

    Args:
        vad: path of the model that finds speech, from `find_vad_model`; read at first use.
    """

    def __init__(self, vad: Path) -> None:
        self._path = vad
        self._model: VadModel | None = None
        self._lock = Lock()

    def find(self, recording: Recording) -> Iterator[list[Span]]:
        """Yields the utterances that end in each further half minute; each step blocks.

        An utterance has little of the pauses around it, and is between two pauses of 0.3 s. One
        over 15 s ends at a shorter pause.
        """
        detector = VoiceActivityDetector(self._load())
        endpointer = Endpointer(_UTTERANCES)
        end = recording.samples
        kept = 0
        for start in range(0, end, _BLOCK_SAMPLES):
            found: list[Span] = []
            block = _whole_chunks(recording.slice(start, min(start + _BLOCK_SAMPLES, end)))
            for probability in detector.probabilities(block):
                event = endpointer.process_vad(probability)
                if isinstance(event, Ended):
                    found.append(Span(kept, min(event.until, end)))
                    # Of one that was cut the rest begins there.
                    kept = event.at
                elif event is not None:
                    kept = event.kept
            yield found
        if (last := endpointer.end(end)) is not None:
            yield [Span(kept, min(last.until, end))]

    def _load(self) -> VadModel:
        with self._lock:
            if self._model is None:
                self._model = VadModel.load(self._path)
            return self._model


def _whole_chunks(samples: Samples) -> Samples:
    """Returns samples with silence after them, up to a whole number of chunks."""
    return np.pad(samples, (0, -len(samples) % CHUNK_SAMPLES))
