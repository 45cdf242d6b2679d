"""Unusual and damaged recordings, through a real server and its decoding processes."""

import io

import httpx
import numpy as np
import pytest
from audio_samples import encode_packed, make, pcm16, wav
from audio_troubles import TROUBLES
from sounds import RATE, tones


def post(client: httpx.Client, data: bytes, **fields: str) -> httpx.Response:
    return client.post("/transcribe", files={"file": data}, data=fields)


@pytest.mark.parametrize(
    ("container", "codec"), [("ogg", "libopus"), ("ipod", "aac"), ("mov", "pcm_s16le")]
)
def test_recording_of_eight_channels_is_transcribed(
    client: httpx.Client, container: str, codec: str
) -> None:
    answer = post(client, encode_packed(container, codec, "7.1"))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["audio"]["tracks"][body["audio"]["track"]]["channels"] == 8
    assert client.get("/health").status_code == 200


def test_cancelling_channels_give_the_text_of_one_channel(client: httpx.Client) -> None:
    sound = tones(3, 2.0)
    alone = post(client, wav(pcm16(sound), rate=RATE)).json()
    opposed = np.stack([sound, -sound], axis=1)
    both = post(client, wav(pcm16(opposed), rate=RATE, channels=2)).json()
    assert both["text"] == alone["text"] != ""


def test_playable_damage_is_a_warning_and_an_error_with_strict(client: httpx.Client) -> None:
    trouble = TROUBLES["tagged MP3s joined"]
    body = post(client, trouble.build()).json()
    assert body["duration"] == pytest.approx(trouble.seconds, abs=0.15)
    assert trouble.code in [warning["code"] for warning in body["warnings"]]
    refused = post(client, trouble.build(), strict="true")
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "invalid_audio"
    assert refused.json()["error"]["message"].startswith(body["warnings"][0]["message"])


def test_missing_track_is_named_in_the_error(client: httpx.Client) -> None:
    refused = post(client, make("m4a-aac"), track="nob")
    assert refused.status_code == 422
    assert refused.json()["error"]["param"] == "track"
    assert "0 (aac" in refused.json()["error"]["message"]
    body = post(client, make("m4a-aac"), track="0").json()
    assert body["audio"]["track"] == 0
    assert body["warnings"] == []


def test_file_of_many_edits_is_refused_and_the_next_is_decoded(client: httpx.Client) -> None:
    data = make("m4a-aac")
    at = data.index(b"elst")
    many = io.BytesIO(data)
    many.seek(at + 8)
    many.write((300_000).to_bytes(4, "big"))
    refused = post(client, many.getvalue())
    assert refused.status_code == 422
    assert "edits" in refused.json()["error"]["message"]
    assert post(client, data).status_code == 200
