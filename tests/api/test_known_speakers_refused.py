"""A service whose operator does not allow known speakers, as by default."""

import pytest
from event_loops import on_event_loop
from in_process import in_process
from sounds import as_wav, tones

AUDIO = as_wav(tones(0, 3.0))


@pytest.mark.parametrize(
    "path",
    [
        "/speakers?name=Kari",
        "/transcribe?diarize=true&known_speakers=true",
        "/jobs?diarize=true&known_speakers=true",
    ],
)
@on_event_loop
async def test_known_speakers_are_refused_by_default(path: str) -> None:
    async with in_process() as running:
        await running.until("ready")
        answer = await running.client.post(path, content=AUDIO)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "known_speakers"
        assert "NORDLYD_KNOWN_SPEAKERS" in answer.json()["error"]["message"]


@on_event_loop
async def test_those_of_before_can_still_be_listed_and_deleted() -> None:
    async with in_process() as running:
        await running.until("ready")
        assert (await running.client.get("/health")).json()["known_speakers"] is False
        assert (await running.client.get("/speakers")).json() == {"speakers": []}
        answer = await running.client.delete("/speakers/spk_0")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "speaker_not_found"
