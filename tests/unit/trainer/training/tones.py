"""Noise that passes for speech: a data folder with a tone for every letter."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from letter_tones import TEXTS as SENTENCES
from letter_tones import tones_of

TEXTS = {
    "train": (
        *SENTENCES,
        "båten ligger i havnen",
        "han leser en bok",
    ),
    "valid": ("vi har en båt", "det er mørkt"),
}


def write_speech(folder: Path, texts: Mapping[str, Sequence[str]] = TEXTS) -> Path:
    """Writes a data folder with a tone for every letter, a tenth of a second each."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    for split, lines in texts.items():
        place, manifest, audio = 0, [], []
        for line in lines:
            wave = tones_of(line) * 6000
            pcm = (wave + 500 * rng.standard_normal(len(wave))).astype("<i2")
            audio.append(pcm.tobytes())
            entry = {"text": line, "start": place, "samples": len(pcm), "speaker": "a"}
            manifest.append(json.dumps(entry, ensure_ascii=False))
            place += len(pcm)
        (folder / f"{split}.pcm").write_bytes(b"".join(audio))
        (folder / f"{split}.jsonl").write_text("\n".join(manifest) + "\n", encoding="utf-8")
    return folder
