"""Kokoro-82M as its command fetches it: voices of women and men speak a sentence."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from running import NORDLYD

from trainer.data.record import Waveform
from trainer.speech.espeak import espeak
from trainer.speech.kokoro import RATE, Kokoro

SENTENCE = "vi møtes utenfor butikken klokka seks"
BLOCK = RATE // 20


def pitch(speech: Waveform) -> float:
    """Returns the median of the voice's frequency in Hz, by autocorrelation between 70 and 400."""
    lags = np.arange(RATE // 400, RATE // 70)
    found = []
    for start in range(0, len(speech) - 2 * BLOCK, BLOCK):
        block = speech[start : start + 2 * BLOCK]
        if block.std() > speech.std():
            likeness = [float(block[lag:] @ block[:-lag]) for lag in lags]
            found.append(RATE / lags[int(np.argmax(likeness))])
    return float(np.median(found))


@pytest.mark.speakers
def test_fetched_voices_of_women_are_higher_than_those_of_men(tmp_path: Path) -> None:
    command = [NORDLYD.with_name("nordlyd-train"), "kokoro"]
    for _ in range(2):
        done = subprocess.run(
            command, env=os.environ | {"XDG_CACHE_HOME": str(tmp_path)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert done.stderr == ""
    folder = Path(done.stdout.strip())
    assert (folder / "LICENSE").is_file()
    kokoro = Kokoro(folder)
    assert len(kokoro.voices) > 50
    phonemes = espeak().phonemes(SENTENCE, voice="nb")
    woman, man = (
        kokoro.speak(phonemes, language="nb", voice=voice, speed=1.0)
        for voice in ("af_heart", "am_adam")
    )
    for speech in (woman, man):
        assert 1.5 < len(speech) / RATE < 5
        assert 0.1 < np.abs(speech).max() <= 1
    assert pitch(woman) > 1.3 * pitch(man)
