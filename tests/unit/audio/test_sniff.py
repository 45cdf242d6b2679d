"""Containers are recognised by content alone, and other data is named."""

import io
import zipfile

import pytest
from audio_samples import Sample

from app.audio.containers.formats import Container
from app.audio.containers.sniff import sniff
from app.errors import AudioError, UnsupportedAudioError

EXPECTED = {
    "wav": Container.WAV, "rf64": Container.RF64, "w64": Container.W64, "aiff": Container.AIFF,
    "au": Container.AU, "caf": Container.CAF, "nist": Container.NIST, "flac": Container.FLAC,
    "ogg": Container.OGG, "mp3": Container.MP3, "m4a": Container.MP4, "mp4": Container.MP4,
    "mov": Container.MP4, "3gp": Container.MP4, "webm": Container.MATROSKA,
    "mkv": Container.MATROSKA, "adts": Container.ADTS, "mpeg-ts": Container.MPEG_TS,
    "mpeg-ps": Container.MPEG_PS, "avi": Container.AVI, "wma": Container.ASF,
    "amr": Container.AMR, "flv": Container.FLV,
}  # fmt: skip


def test_each_format_is_recognised(audio_samples: dict[str, Sample]) -> None:
    for name, sample in audio_samples.items():
        key = name if name in EXPECTED else name.split("-", maxsplit=1)[0]
        with sample.path.open("rb") as stream:
            assert sniff(stream).container is EXPECTED[key], name


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("speech.wav", b"RIFF")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b"Hei, dette er tekst." * 30, "text"),
        ("Blåbærsyltetøy på brødskiva. ".encode() * 300, "text"),
        ("Grød på dansk".encode("utf-16"), "text"),
        (b"Go " * 200, "text"),
        (b"\n <!doctype HTML><title>404</title>", "an HTML page"),
        (b'{"error": {"message": "not found"}}', "JSON"),
        (b"[1, 2, 3]", "JSON"),
        (b'<?xml version="1.0"?><a/>', "an XML document"),
        (b"#EXTM3U\nhttp://127.0.0.1/secret\n", "a playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "a list of other files"),
        (b"WEBVTT\n\n00:00.000 --> 00:01.000\nhei\n", "a subtitle file"),
        (b"UklGRiQAAABXQVZFZm10IBAAAAABAAEA" * 8, "base64 text"),
        (b"data:audio/wav;base64,UklGRiQAAABXQVZF", "a base64 data URL"),
        (b'--x1\r\nContent-Disposition: form-data; name="file"\r\n\r\nRIFF', "a multipart form"),
        (archive(), "a ZIP archive"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), "a PNG image"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(90), "a JPEG image"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(30), "a WebP image"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(30), "a still image"),
        (b"MThd\x00\x00\x00\x06" + bytes(20), "a MIDI score"),
        (b"\x7fELF\x02\x01\x01" + bytes(90), "a program"),
        (bytes(1_000), "binary data in no known audio format"),
        (b"\x01", "binary data in no known audio format"),
    ],
)
def test_unaccepted_data_is_named_in_the_error(data: bytes, looks_like: str) -> None:
    with pytest.raises(UnsupportedAudioError) as caught:
        sniff(io.BytesIO(data))
    assert f"it is {looks_like}" in caught.value.message
    assert "Accepted are WAV" in caught.value.message
    assert caught.value.status == 415


def test_tag_without_audio_is_refused() -> None:
    with pytest.raises(AudioError, match="nothing but an ID3 tag"):
        sniff(io.BytesIO(b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)))


def test_stream_is_left_at_its_beginning(audio_samples: dict[str, Sample]) -> None:
    with audio_samples["mp3"].path.open("rb") as stream:
        sniff(stream)
        assert stream.tell() == 0
