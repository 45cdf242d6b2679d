"""Kokoro-82M as its command fetches it: it speaks so that a demo reads it."""

import os
import subprocess
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soxr
from running import NORDLYD

from app.acoustic import load_checkpoint
from app.audio import SAMPLE_RATE
from app.decoding import BeamDecoder, DecodingOptions, load_language_model
from trainer.speech.espeak import espeak
from trainer.speech.kokoro import RATE, Kokoro

MODEL = Path(__file__).parents[2] / "models" / "demo-nb"
SENTENCES = ("jeg vil gjerne ha en kopp kaffe", "vi møtes utenfor butikken klokka seks")


@pytest.mark.speakers
def test_fetched_voices_speak_so_that_a_demo_reads_them(tmp_path: Path) -> None:
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
    model = load_checkpoint(MODEL, dtype="float32")
    decoder = BeamDecoder(
        model.vocabulary, DecodingOptions(), load_language_model(MODEL / "language_model")
    )
    found = []
    for sentence in SENTENCES:
        phonemes = espeak().phonemes(sentence, voice="nb")
        speech = kokoro.speak(phonemes, language="nb", voice="af_heart", speed=0.9)
        wave = np.pad(soxr.resample(speech, RATE, SAMPLE_RATE), SAMPLE_RATE // 5)
        emissions = np.asarray(model.emissions([(wave - wave.mean()) / wave.std()])[0])
        frame = model.hop / SAMPLE_RATE
        found.append(
            decoder.decode(emissions, frame_seconds=frame, duration=len(emissions) * frame).text
        )
    # The demos were not trained on such voices: more than half of the letters are right.
    assert jiwer.cer(list(SENTENCES), found) < 0.5, found
