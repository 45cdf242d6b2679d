"""Redaction on the routes of other services: what is masked, how it is written, what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from event_loops import on_event_loop
from in_process import InProcess, in_process
from sounds import as_wav, tones
from speller import Post, Speller, formatting_service

PHONE = "ni to to to tre tre fire fire"
SPOKEN = f"ring meg på {PHONE} da … takk"
LISTEN = "/v1/listen"
WRITTEN = "Ring meg på [telefonnummer] da. Takk."


@pytest.fixture(scope="module")
def answer() -> Iterator[Post]:
    with formatting_service() as post:
        yield post


@pytest.mark.parametrize("query", [{}, {"smart_format": "true"}, {"alternatives": 3}])
def test_deepgram_answer_is_masked(answer: Post, query: dict[str, object]) -> None:
    redact = ["phone_number", "ssn"]
    response = answer(SPOKEN, path=LISTEN, redact=redact, utterances="true", **query)
    assert response.status_code == 200, response.text
    assert "fire" not in response.text
    channel = response.json()["results"]["channels"][0]
    for alternative in channel["alternatives"]:
        assert "[telefonnummer]" in alternative["transcript"]
        assert "[telefonnummer]" in [word["word"] for word in alternative["words"]]


@pytest.mark.parametrize("value", ["pci", "pii", "numbers", "true", "name", "phone"])
def test_deepgram_group_that_is_not_wholly_found_is_refused(answer: Post, value: str) -> None:
    refused = answer(SPOKEN, path=LISTEN, redact=value)
    assert refused.status_code == 400
    assert value in refused.json()["err_msg"]
    assert "accepted: ssn, credit_card, phone_number, email_address" in refused.json()["err_msg"]


def test_deepgram_redact_false_masks_nothing(answer: Post) -> None:
    (channel,) = answer(SPOKEN, path=LISTEN, redact="false").json()["results"]["channels"]
    assert PHONE in channel["alternatives"][0]["transcript"]


@pytest.mark.parametrize(
    ("fields", "written"),
    [({}, WRITTEN), ({"format_text": "false"}, SPOKEN.replace(PHONE, "[telefonnummer]"))],
)
def test_openai_events_are_masked(answer: Post, fields: dict[str, str], written: str) -> None:
    form = {"model": "whisper-1", "stream": "true", "redact": "phone", "include": "logprobs"}
    response = answer(SPOKEN, form | fields, "/v1/audio/transcriptions")
    assert response.status_code == 200, response.text
    assert "fire" not in response.text
    events = [
        json.loads(line.removeprefix("data: "))
        for line in response.text.splitlines()
        if line.startswith("data: {")
    ]
    *deltas, done = events
    assert done["text"] == written.replace(" …", "")
    assert "".join(event["delta"] for event in deltas) == done["text"]


async def transcribed(running: InProcess, **options: object) -> str:
    """The path of a completed transcript of AssemblyAI's API."""
    client = running.client
    upload = (await client.post("/v2/upload", content=as_wav(tones(0, 8.0)))).json()
    body = options | {"audio_url": upload["upload_url"], "language_code": "nb"}
    made = (await client.post("/v2/transcript", json=body)).json()
    await running.app.state.app_state.jobs.get("", made["id"], wait=20)
    return f"/v2/transcript/{made['id']}"


@pytest.mark.long
@on_event_loop
async def test_assemblyai_transcripts_are_masked(tmp_path: Path) -> None:
    policies = ["phone_number", "us_social_security_number"]
    async with in_process(model=Speller(), data=tmp_path / "data") as running:
        await running.until("ready")
        running.model.text = SPOKEN
        for options, written in (
            ({}, "####"),
            ({"redact_pii_sub": "entity_name"}, "[PHONE_NUMBER]"),
            ({"redact_pii_sub": "entity_name", "punctuate": False}, "[PHONE_NUMBER]"),
        ):
            path = await transcribed(
                running, redact_pii=True, redact_pii_policies=policies, **options
            )
            answer = (await running.client.get(path)).json()
            assert answer["status"] == "completed"
            assert f" {written} " in answer["text"]
            assert written in [word["text"] for word in answer["words"]]
            assert answer["redact_pii_policies"] == policies
            for part in ("", "/sentences", "/paragraphs", "/srt", "/vtt"):
                text = (await running.client.get(path + part)).text
                assert written in text, part
                assert "fire" not in text, part
        kept = [file.read_bytes() for file in (tmp_path / "data").rglob("*result*")]
        assert kept
        assert not any(b"fire" in content for content in kept)
        # Policies have no effect by themselves.
        path = await transcribed(running, redact_pii_policies=["person_name"], punctuate=False)
        assert PHONE in (await running.client.get(path)).json()["text"]
