"""Frequent complaints about other servers that no other test covers; see docs/complaints.md."""

import re
import struct
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import httpx
import jiwer
import numpy as np
import psutil
import pytest
import soundfile
from audio_samples import make
from demo_model import DEMO
from running import RunningServer
from sounds import RATE, as_wav

SPEECH = [DEMO / "samples" / f"sample-{number}.flac" for number in (1, 2, 3)]
PAUSE_SECONDS = 0.7
BIG_BYTES = 400 * 2**20


@pytest.fixture(scope="module")
def service(demos: RunningServer) -> Iterator[httpx.Client]:
    with demos.client() as client:
        yield client


def words_of(client: httpx.Client, audio: bytes, **options: object) -> list[dict]:
    answer = client.post("/transcribe", content=audio, params={"language": "nb", **options})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert all(0 <= word["start"] <= word["end"] <= body["duration"] for word in body["words"])
    return body["words"]


def test_words_and_times_of_joined_recordings_equal_those_of_the_parts(
    service: httpx.Client,
) -> None:
    sentences = [soundfile.read(file, dtype="float32")[0] for file in SPEECH] * 8
    pause = np.zeros(round(PAUSE_SECONDS * RATE), np.float32)
    alone = [words_of(service, as_wav(sentence)) for sentence in sentences[: len(SPEECH)]] * 8
    joined = np.concatenate([part for sentence in sentences for part in (sentence, pause)])
    assert len(joined) / RATE > 3 * 24, "several windows"
    found = words_of(service, as_wav(joined))
    expected: list[tuple[str, float, float]] = []
    offset = 0.0
    for sentence, words in zip(sentences, alone, strict=True):
        expected += [(w["word"], w["start"] + offset, w["end"] + offset) for w in words]
        offset += len(sentence) / RATE + PAUSE_SECONDS
    # The least number of changes: the sentences come again, and the longest common part may be of
    # another turn.
    aligned = jiwer.process_words(
        " ".join(word for word, _, _ in expected), " ".join(word["word"] for word in found)
    )
    for equal, group in groupby(aligned.alignments[0], lambda chunk: chunk.type == "equal"):
        chunks = list(group)
        before = expected[chunks[0].ref_start_idx : chunks[-1].ref_end_idx]
        after = found[chunks[0].hyp_start_idx : chunks[-1].hyp_end_idx]
        if equal:
            for (_, begins, ends), word in zip(before, after, strict=True):
                assert word["start"] == pytest.approx(begins, abs=0.1)
                assert word["end"] == pytest.approx(ends, abs=0.1)
            continue
        # A doubtful word may be spelled otherwise beside other audio; none may be missing or extra.
        letters = "".join(word for word, _, _ in before), "".join(word["word"] for word in after)
        assert all(letters), letters
        assert abs(len(letters[0]) - len(letters[1])) <= 2, letters
    assert aligned.wer < 0.05


def test_noise_lowers_the_word_confidence_of_beam_search(
    service: httpx.Client,
) -> None:
    samples = soundfile.read(SPEECH[0], dtype="float32")[0]
    noise = np.random.default_rng(0).normal(0, 0.05, len(samples)).astype(np.float32)
    clear = words_of(service, as_wav(samples), decoder="beam")
    noisy = words_of(service, as_wav(samples + noise), decoder="beam")
    assert all(0 < word["confidence"] <= 1 for word in [*clear, *noisy])
    assert np.mean([w["confidence"] for w in noisy]) < np.mean([w["confidence"] for w in clear])


def peak_bytes(process: psutil.Process) -> int:
    """Its peak resident memory, since the last reset of the high-water mark."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def test_large_video_is_spooled_to_disk_and_not_held_in_memory(
    server: RunningServer, client: httpx.Client
) -> None:
    small = make("mp4-video")

    def huge() -> Iterator[bytes]:
        # A box that every reader passes over, as cameras leave them.
        yield small
        yield struct.pack(">I4sQ", 1, b"free", BIG_BYTES + 16)
        piece = bytes(2**20)
        for _ in range(BIG_BYTES // len(piece)):
            yield piece

    text = client.post("/transcribe", content=small).json()["text"]
    process = psutil.Process(server.process.pid)
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    before = peak_bytes(process)
    answer = client.post("/transcribe", content=huge())
    assert answer.json()["text"] == text
    assert peak_bytes(process) - before < BIG_BYTES // 8
    assert client.get("/health/ready").status_code == 200
