"""The audio of a key's day, of recordings and of live streams, after the service was restarted."""

from pathlib import Path

import httpx
import pytest
from running import RunningServer
from sounds import as_wav, tones
from websockets.sync.client import connect

from app.database import Database
from app.keys import Quota
from app.keys.store import KeyStore

pytestmark = pytest.mark.long


def left(answer: httpx.Response) -> int:
    assert answer.status_code == 200, answer.text
    return int(answer.headers["ratelimit-remaining"])


def test_audio_of_a_key_and_its_live_streams_still_counts_after_a_restart(
    tiny_settings: dict[str, str], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    quota = Quota(audio_minutes_per_day=1)
    _, key = KeyStore(Database(data)).create("Arkivet", quota=quota)
    authorized = {"authorization": f"Bearer {key}"}
    clip = as_wav(tones(0, 5.0))
    settings = tiny_settings | {"DATA": str(data)}

    first = RunningServer(tmp_path, settings).wait_ready()
    with first.client(headers=authorized) as client:
        assert left(client.post("/transcribe", content=clip)) == 55
        url = f"{first.address.replace('http', 'ws', 1)}/stream"
        with connect(url, additional_headers=authorized) as stream:
            stream.recv()
            stream.send(bytes(2 * 16_000 * 10))
            stream.send('{"type": "end"}')
            for _ in stream:
                pass
    assert first.stop() == 0

    second = RunningServer(tmp_path, settings).wait_ready()
    with second.client(headers=authorized) as client:
        assert left(client.post("/transcribe", content=clip)) == 40
        last = client.post("/transcribe", content=as_wav(tones(0, 41.0)))
        # The recording that reaches the limit is still transcribed.
        assert left(last) == 0
        assert client.post("/transcribe", content=clip).status_code == 429
    assert second.stop() == 0
