"""Synthesises speech with Kokoro-82M, whose voices sound more like people than espeak-ng's.

It reads phonemes as espeak-ng writes them. It was trained on English and seven other languages, and
on none of Scandinavia, so that its Danish and Norwegian have an accent.
"""

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime

from trainer.data.record import Waveform
from trainer.errors import SynthesisError
from trainer.speech.kokoro_files import MODEL, PHONEMES, VOICES, kokoro_folder

RATE = 24_000
_STYLE = 256
_MAX_PHONEMES = 500
# Sounds that the model lacks, by the nearest that it has; it has no mark for the Danish stød, which
# espeak-ng writes as a glottal stop or a question mark.
_STOED = {"ʔ": "", "?": "", "ˀ": ""}
_NEAREST = {"ʉ": "y", "ɵ": "ø", "ɐ̯": "ɐ", "ʏ": "y", "g": "ɡ"}


@lru_cache(maxsize=1)
def kokoro() -> "Kokoro":
    """Returns the synthesiser of this process.

    Raises:
        SynthesisError: as `Kokoro`.
    """
    return Kokoro(kokoro_folder())


class Kokoro:
    """The synthesiser; see `kokoro`.

    Args:
        folder: of the model and its voices, as `pull_kokoro` writes it.

    Raises:
        SynthesisError: it is not there.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / VOICES).is_dir():
            raise SynthesisError("Kokoro-82M is not here; run: nordlyd-train kokoro")
        self._session = onnxruntime.InferenceSession(
            folder / MODEL, providers=["CPUExecutionProvider"]
        )
        self._numbers: dict[str, int] = json.loads((folder / PHONEMES).read_text("utf-8"))["vocab"]
        self._folder = folder / VOICES
        self.voices = tuple(sorted(file.stem for file in self._folder.glob("*.bin")))
        """Names; the first letter is that of the language, the second f or m."""

    def speak(self, phonemes: str, *, language: str, voice: str, speed: float) -> Waveform:
        """Returns speech, float32 [samples] at `RATE`; the same for the same call on one machine.

        Args:
            phonemes: IPA, as espeak-ng writes it.
            language: espeak-ng's voice that wrote it, da or nb.
            voice: one of `voices`.
            speed: 1 is the voice's own.

        Raises:
            SynthesisError: none of the phonemes is known, or there are too many.
        """
        for sound, nearest in (_NEAREST | (_STOED if language == "da" else {})).items():
            phonemes = phonemes.replace(sound, nearest)
        numbers = [self._numbers[each] for each in phonemes if each in self._numbers]
        if not 0 < len(numbers) <= _MAX_PHONEMES:
            raise SynthesisError(
                f"Kokoro-82M reads 1 to {_MAX_PHONEMES} phonemes at once, not {len(numbers)}"
            )
        style = self._style(voice)
        inputs = {
            "tokens": np.array([[0, *numbers, 0]], np.int64),
            "style": style[min(len(numbers), len(style)) - 1][None],
            "speed": np.array([speed], np.float32),
        }
        samples: Waveform = np.ravel(self._session.run(None, inputs)[0]).astype(np.float32)
        return samples

    def _style(self, voice: str) -> Waveform:
        """Returns the styles of a voice by the number of phonemes, [numbers, values]."""
        return np.fromfile(self._folder / f"{voice}.bin", np.float32).reshape(-1, _STYLE)
