"""Bodies that are compressed, or raw samples of a declared type, on a real server."""

import gzip
import zlib

import httpx
import numpy as np
import pytest
import soundfile
from running import KEY, RunningServer
from test_http_refusals import assert_error


def text_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["text"])


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def members(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(b"") * 2000 + gzip.compress(data[half:])


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("GZIP", members),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
    ],
)
def test_compressed_body_is_decoded(client: httpx.Client, clip, coding, encode) -> None:
    wav = clip()
    expected = text_of(client.post("/transcribe", content=wav))
    headers = {"content-encoding": coding}
    assert text_of(client.post("/transcribe", content=encode(wav), headers=headers)) == expected
    form = client.build_request("POST", "/transcribe", files={"file": wav})
    headers["content-type"] = form.headers["content-type"]
    sent = encode(form.read())
    assert text_of(client.post("/transcribe", content=sent, headers=headers)) == expected


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "rot13"])
def test_unsupported_encoding_is_refused_by_name(client: httpx.Client, clip, coding: str) -> None:
    headers = {"content-encoding": coding}
    answer = client.post("/transcribe", content=clip(), headers=headers)
    message = assert_error(answer, 415, code="unsupported_encoding", param=None)
    assert coding in message
    assert "gzip, deflate" in message


@pytest.mark.parametrize(
    ("spoil", "message"),
    [(lambda data: data[:-20], "cut short"), (lambda data: b"no" + data, "is not gzip")],
)
def test_damaged_encoding_is_400(client: httpx.Client, clip, spoil, message: str) -> None:
    headers = {"content-encoding": "gzip"}
    answer = client.post("/transcribe", content=spoil(gzip.compress(clip())), headers=headers)
    assert message in assert_error(answer, 400, code="invalid_request", param=None)


def test_decompression_bomb_is_refused_at_the_limit(guarded: RunningServer) -> None:
    bomb = gzip.compress(bytes(64 * 2**20))
    assert len(bomb) < 2**17
    headers = {"content-encoding": "gzip", "authorization": f"Bearer {KEY}".encode()}
    with guarded.client() as client:
        for path in ("/transcribe", "/v1/listen", "/render"):
            answer = client.post(path, content=bomb, headers=headers)  # type: ignore[arg-type]
            assert answer.status_code == 413, answer.text


def encoded(samples: np.ndarray, subtype: str, endian: str, tmp_path) -> bytes:
    file = tmp_path / "samples.raw"
    soundfile.write(file, samples, 8000, format="RAW", subtype=subtype, endian=endian)
    return file.read_bytes()


@pytest.mark.parametrize(
    ("content_type", "subtype", "endian"),
    [
        ("audio/L16;rate=8000", "PCM_16", "BIG"),
        ("audio/L16; rate=4000; channels=2", "PCM_16", "BIG"),
        ("audio/pcm;rate=8000", "PCM_16", "LITTLE"),
        ("audio/basic", "ULAW", "FILE"),
        ("audio/PCMU", "ULAW", "FILE"),
        ("audio/x-mulaw;rate=8000", "ULAW", "FILE"),
        ("audio/PCMA;rate=8000;channels=1", "ALAW", "FILE"),
        ("audio/x-alaw", "ALAW", "FILE"),
    ],
)
def test_raw_samples_are_decoded_by_their_content_type(
    client: httpx.Client, tmp_path, content_type: str, subtype: str, endian: str
) -> None:
    time = np.arange(12_000) / 8000
    samples = 0.4 * np.sin(2 * np.pi * (300 + 500 * time) * time)
    data = encoded(samples, subtype, endian, tmp_path)
    declared = {"PCM_16": "s16le", "ULAW": "mulaw", "ALAW": "alaw"}[subtype]
    as_little = data if endian != "BIG" else np.frombuffer(data, ">i2").astype("<i2").tobytes()
    stereo = "channels=2" in content_type
    query = {"encoding": declared, "rate": "4000" if stereo else "8000"}
    query |= {"channels": "2"} if stereo else {}
    expected = client.post("/transcribe", content=as_little, params=query).json()
    for answer in (
        client.post("/transcribe", content=data, headers={"content-type": content_type}),
        client.post("/transcribe", files={"file": ("call", data, content_type)}),
    ):
        assert text_of(answer) == expected["text"]
        assert answer.json()["duration"] == expected["duration"] == 1.5
    listened = client.post("/v1/listen", content=data, headers={"content-type": content_type})
    assert listened.json()["metadata"]["duration"] == 1.5


def test_content_type_without_a_valid_rate_is_400(client: httpx.Client) -> None:
    for content_type, param in (
        ("audio/L16", "rate"),
        ("audio/L16;rate=no", "rate"),
        ("audio/PCMU;channels=0", "channels"),
    ):
        headers = {"content-type": content_type}
        answer = client.post("/transcribe", content=bytes(4_000), headers=headers)
        assert_error(answer, 400, code="invalid_request", param=param)


def test_answers_describe_the_file_and_its_warnings(client: httpx.Client, clip) -> None:
    files = [("file", ("a.wav", clip())), ("file", ("b.wav", clip(1)))]
    alone = client.post("/transcribe", content=clip(), params={"strict": "true", "track": "0"})
    lines = client.post("/transcribe", files=files).text.splitlines()
    aligned = client.post("/align", files=files[:1], data={"text": "a", "strict": "true"})
    for body in (alone.json(), aligned.json()):
        assert body["warnings"] == []
        assert "audio" in body
    assert len(lines) == 2
    assert all('"warnings":[]' in line and '"audio":' in line for line in lines)
    form = {"file": clip()}
    theirs = client.post(
        "/v1/audio/transcriptions", files=form, data={"model": "whisper-1", "strict": "true"}
    )
    assert theirs.status_code == 200
    assert "x-nordlyd-warnings" not in theirs.headers
