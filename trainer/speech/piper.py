"""Synthesises speech with Piper's voices, learned from recordings of Danes and Norwegians.

A voice is a VITS network (Kim, Kong and Son 2021, arXiv:2106.06103) that reads phonemes as
espeak-ng writes them: NAME.onnx beside NAME.onnx.json, as github.com/rhasspy/piper publishes them.
"""

import json
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from trainer.data.record import Waveform
from trainer.errors import SynthesisError
from trainer.speech.piper_files import CONFIG, MODEL, piper_folder

_BEGIN, _END, _PAD = "^", "$", "_"
# Norwegian has two codes, and voices are published with either.
_LANGUAGES = {"no": "nb"}


@lru_cache(maxsize=2)
def piper_voices(language: str) -> "tuple[PiperVoice, ...]":
    """Returns the voices of a language that were fetched, by name.

    Args:
        language: espeak-ng's voice: da or nb.

    Raises:
        SynthesisError: there is none, or a file of one is damaged.
    """
    # The networks draw random numbers, which go on from call to call.
    onnxruntime.set_seed(0)
    files = sorted(piper_folder().glob(f"*{MODEL}"))
    # A network takes memory and time to load, so only those that speak are.
    found = tuple(PiperVoice(file) for file in files if _language(file) == language)
    if not found:
        raise SynthesisError(
            f"there is no voice of Piper for {language} in {piper_folder()}; run: "
            "nordlyd-train piper"
        )
    return found


class PiperVoice:
    """A voice, of one speaker or of several.

    Args:
        file: NAME.onnx.

    Attributes:
        name: of the file.
        language: espeak-ng's voice that writes its phonemes.
        rate: samples a second of what it speaks.
        speakers: how many it has.

    Raises:
        SynthesisError: it cannot be read, or reads no phonemes of espeak-ng.
    """

    def __init__(self, file: Path) -> None:
        self.name = file.stem
        self.language = _language(file)
        config = _config(file)
        try:
            self.rate = int(config["audio"]["sample_rate"])
            self.speakers = int(config.get("num_speakers", 1))
            self._numbers: dict[str, list[int]] = config["phoneme_id_map"]
            self._begin, self._end = self._numbers[_BEGIN], self._numbers[_END]
            self._pad = self._numbers[_PAD]
            scales = config.get("inference", {})
            self._noise = float(scales.get("noise_scale", 0.667))
            self._length = float(scales.get("length_scale", 1.0))
            self._duration_noise = float(scales.get("noise_w", 0.8))
        except (ValueError, KeyError, TypeError) as error:
            raise _unreadable(file, error) from error
        if config.get("phoneme_type", "espeak") != "espeak":
            raise SynthesisError(f"{file} does not read espeak-ng's phonemes")
        try:
            self._session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common class
            raise SynthesisError(f"{file} cannot be read: {error}") from error

    def speak(self, phonemes: str, *, speaker: int, speed: float) -> Waveform:
        """Returns speech, float32 [samples] at `rate`.

        Args:
            phonemes: IPA, as espeak-ng writes it; signs that the voice does not know are left out.
            speaker: 0 to `speakers` - 1.
            speed: 1 is the voice's own.

        Raises:
            SynthesisError: none of the phonemes is known.
        """
        known = [
            self._numbers[sign]
            for sign in unicodedata.normalize("NFD", phonemes)
            if sign in self._numbers
        ]
        if not known:
            raise SynthesisError(f"{self.name} knows none of the phonemes {phonemes!r}")
        numbers = [*self._begin, *self._pad]
        for each in known:
            numbers += [*each, *self._pad]
        numbers += self._end
        inputs = {
            "input": np.array([numbers], np.int64),
            "input_lengths": np.array([len(numbers)], np.int64),
            "scales": np.array(
                [self._noise, self._length / speed, self._duration_noise], np.float32
            ),
        }
        if self.speakers > 1:
            inputs["sid"] = np.array([speaker], np.int64)
        samples: Waveform = np.ravel(self._session.run(None, inputs)[0]).astype(np.float32)
        return samples


def _config(file: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(file.with_suffix(CONFIG).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(file, error) from error
    return config


def _language(file: Path) -> str:
    """Returns espeak-ng's voice that writes the phonemes of a voice."""
    try:
        voice = str(_config(file)["espeak"]["voice"])
    except (KeyError, TypeError) as error:
        raise _unreadable(file, error) from error
    return _LANGUAGES.get(voice, voice)


def _unreadable(file: Path, error: Exception) -> SynthesisError:
    return SynthesisError(f"{file.with_suffix(CONFIG)} cannot be read: {error}")
