"""A long recording is in memory once. The peak is read from /proc, so this runs on Linux."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import io, re, sys
from pathlib import Path
import soundfile
from app.audio import AudioLimits, decode_audio

def peak_bytes():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

warm, source = map(Path, sys.argv[1:])
decode_audio(warm, limits=AudioLimits(1e6))
before = peak_bytes()
recording = decode_audio(source, limits=AudioLimits(1e6))
print(recording.samples, peak_bytes() - before)
"""


def write_wav(path: Path, seconds: int) -> None:
    """16-bit stereo at 44.1 kHz; its samples are a hole in the file, so that it costs no disk."""
    size = seconds * 44_100 * 4
    header = b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 1, 2, 44_100, 176_400, 4, 16)
    with path.open("wb") as file:
        file.write(header + b"data" + struct.pack("<I", size))
        file.truncate(44 + size)


@pytest.mark.long
def test_long_recording_is_in_memory_once(tmp_path: Path) -> None:
    warm, source = tmp_path / "warm.wav", tmp_path / "long.wav"
    write_wav(warm, 30)
    write_wav(source, 1_800)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(warm), str(source)],
        check=True,
        capture_output=True,
        text=True,
    )
    samples, growth = map(int, run.stdout.split())
    assert samples == 1_800 * 16_000
    assert growth <= 1.3 * samples * 4
