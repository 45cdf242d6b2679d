"""Audio in each accepted format, to a real server, in a form and as the body."""

import io
from pathlib import Path

import audio_samples
import httpx
import numpy as np
import pytest
import soundfile
from sounds import RATE, as_wav, tones

from app.acoustic import load_checkpoint
from app.decoding import GreedyDecoder
from app.decoding.calibration import Calibration

SENT = (
    "wav-s16", "wav-f32", "wav-mulaw", "flac", "ogg-vorbis", "ogg-opus", "mp3",
    "m4a-aac", "mp4-video", "webm-opus",
)  # fmt: skip


@pytest.mark.parametrize("name", SENT)
def test_format_is_recognised_by_content_and_not_by_name(client: httpx.Client, name: str) -> None:
    data = audio_samples.make(name, seconds=1.2)
    posted = client.post(
        "/transcribe", files={"file": ("upload", data, "application/octet-stream")}
    )
    plain = client.post(
        "/transcribe", content=data, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert posted.status_code == plain.status_code == 200, posted.text
    body = posted.json()
    assert body["text"]
    assert body["text"] == plain.json()["text"]
    # A lossy codec pads to whole frames.
    assert body["duration"] == pytest.approx(1.2, abs=0.12)
    assert all(0 <= word["start"] < word["end"] <= body["duration"] for word in body["words"])


@pytest.mark.parametrize(("language", "model"), [("nb", "tiny-nb"), ("da", "tiny-da")])
def test_text_is_that_of_the_checkpoint(
    client: httpx.Client, checkpoints: dict[str, Path], language: str, model: str
) -> None:
    wav = as_wav(tones(7, 3.0))
    samples, _ = soundfile.read(io.BytesIO(wav), dtype="float32")
    loaded = load_checkpoint(checkpoints[model], dtype="float32")
    frames = GreedyDecoder(loaded.vocabulary).decode(
        loaded.emissions([samples])[0], frame_seconds=loaded.hop / RATE, duration=3.0
    )
    expected = Calibration().apply(frames, duration=3.0)
    body = client.post("/transcribe", files={"file": wav}, data={"language": language}).json()
    assert body["text"] == expected.text
    assert [(word["word"], word["start"], word["end"]) for word in body["words"]] == [
        (word.word, round(word.start, 3), round(word.end, 3)) for word in expected.words
    ]
    assert [word["confidence"] for word in body["words"]] == pytest.approx(
        [word.confidence for word in expected.words], abs=2e-3
    )
    assert (body["model"], body["language"], body["duration"]) == (model, language, 3.0)


def test_response_has_exactly_the_documented_fields(client: httpx.Client, clip) -> None:
    answer = client.post("/transcribe", files={"file": clip()}, headers={"x-request-id": "me-1"})
    body = answer.json()
    assert list(body) == [
        "text", "words", "segments", "confidence", "language", "model", "duration",
        "decoder", "lm", "audio", "warnings", "timing", "request_id",
    ]  # fmt: skip
    assert list(body["words"][0]) == ["word", "start", "end", "confidence"]
    assert list(body["segments"][0]) == ["id", "start", "end", "text", "confidence"]
    assert list(body["timing"]) == [
        "queue", "decode_audio", "encode", "decode_text", "real_time_factor",
    ]  # fmt: skip
    confidences = [word["confidence"] for word in body["words"]]
    assert body["confidence"] == pytest.approx(sum(confidences) / len(confidences), abs=2e-4)
    assert body["timing"]["encode"] > 0
    assert body["request_id"] == answer.headers["x-request-id"] == "me-1"
    assert int(answer.headers["x-queue-time"]) >= 0
    assert int(answer.headers["x-compute-time"]) > 0
    assert " ".join(segment["text"] for segment in body["segments"]) == body["text"]
    assert " ".join(word["word"] for word in body["words"]) == body["text"]


def test_words_are_left_out_on_request_in_query_and_form(client: httpx.Client, clip) -> None:
    whole = client.post("/transcribe", content=clip()).json()
    for answer in (
        client.post("/transcribe?words=false", content=clip()),
        client.post("/transcribe", files={"file": clip()}, data={"words": "false"}),
    ):
        body = answer.json()
        assert body["words"] == []
        assert body["segments"] == whole["segments"]


@pytest.mark.parametrize(
    ("content_type", "query"),
    [
        ("audio/pcm;rate=16000", ""),
        ("audio/L16; rate=16000; channels=1", "?encoding=s16le"),
        ("application/octet-stream", "?encoding=s16le&rate=16000&channels=1"),
    ],
)
def test_raw_samples_are_decoded_as_declared(
    client: httpx.Client, clip, content_type: str, query: str
) -> None:
    raw = clip()[44:]
    answer = client.post(f"/transcribe{query}", content=raw, headers={"content-type": content_type})
    assert answer.json()["text"] == client.post("/transcribe", content=clip()).json()["text"]


def test_raw_samples_are_accepted_in_a_form(client: httpx.Client, clip) -> None:
    files = {"file": ("speech.raw", clip()[44:], "audio/pcm;rate=16000")}
    answer = client.post("/transcribe", files=files)
    assert answer.json()["text"] == client.post("/transcribe", content=clip()).json()["text"]


@pytest.mark.parametrize("seconds", [0.001, 0.02, 2.0])
def test_silence_and_the_shortest_sounds_have_no_words(
    client: httpx.Client, seconds: float
) -> None:
    silence = as_wav(np.zeros(round(seconds * RATE), dtype=np.float32))
    body = client.post("/transcribe", content=silence).json()
    assert (body["text"], body["words"], body["segments"]) == ("", [], [])
    assert body["duration"] == pytest.approx(seconds, abs=1e-3)
    assert body["timing"]["encode"] == 0


def test_sound_shorter_than_one_frame_has_no_words(client: httpx.Client) -> None:
    body = client.post("/transcribe", content=as_wav(tones(0, 0.02))).json()
    assert body["text"] == ""


def test_large_body_on_disk_gives_the_same_text(client: httpx.Client) -> None:
    samples = tones(3, 2.0)
    # A chunk after the samples makes the file large, beyond what is kept in memory.
    wav = as_wav(samples)
    padding = b"JUNK" + (5 * 2**20).to_bytes(4, "little") + bytes(5 * 2**20)
    answer = client.post("/transcribe", content=wav[:12] + padding + wav[12:])
    assert answer.json()["text"] == client.post("/transcribe", content=wav).json()["text"]
