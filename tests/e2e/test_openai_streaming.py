"""Text that grows while its recording is encoded, as OpenAI's own client reads it."""

import asyncio
import io
from collections.abc import Iterator

import numpy as np
import openai
import pytest
import soundfile
from demo_model import DEMO
from openai import AsyncOpenAI, OpenAI
from prometheus_client.parser import text_string_to_metric_families
from running import RunningServer, wait_until_idle

SAMPLES = [DEMO / "samples" / f"sample-{number}.flac" for number in (1, 2, 3)]


def long_recording(rounds: int) -> bytes:
    """The samples again and again, 17 s a round, with pauses of unequal length."""
    parts: list[np.ndarray] = []
    for number in range(3 * rounds):
        speech, rate = soundfile.read(SAMPLES[number % 3], dtype="float32")
        parts += [speech, np.zeros(int(rate * (0.3 + 0.25 * (number % 4))), np.float32)]
    buffer = io.BytesIO()
    soundfile.write(buffer, np.concatenate(parts), rate, format="FLAC")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def client(demos: RunningServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{demos.address}/v1", api_key="any", max_retries=0) as connected:
        yield connected


def queued_seconds(server: RunningServer) -> float:
    with server.client() as plain:
        return float(plain.get("/health").json()["queue"]["seconds"])


def failures(server: RunningServer, code: str) -> float:
    with server.client() as plain:
        return sum(
            sample.value
            for family in text_string_to_metric_families(plain.get("/metrics").text)
            for sample in family.samples
            if sample.name == "nordlyd_failures_total" and sample.labels["code"] == code
        )


@pytest.mark.parametrize("format_text", [True, False])
def test_joined_deltas_equal_the_text_of_the_plain_answer(
    client: OpenAI, format_text: bool
) -> None:
    recording, own = long_recording(3), {"format_text": format_text}
    whole = client.audio.transcriptions.create(
        file=recording, model="whisper-1", extra_body=own
    ).text
    with client.audio.transcriptions.create(
        file=recording, model="whisper-1", stream=True, include=["logprobs"], extra_body=own
    ) as stream:
        *deltas, done = stream
    assert len(deltas) > 1
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert "".join(event.delta for event in deltas) == done.text == whole
    tokens = [token.token for event in deltas for token in event.logprobs]
    assert "".join(tokens) == done.text
    assert [token.token for token in done.logprobs] == tokens
    assert done.type == "transcript.text.done"
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens > 0


def test_deltas_arrive_while_the_recording_is_encoded(demos: RunningServer, client: OpenAI) -> None:
    with client.audio.transcriptions.create(
        file=long_recording(25), model="whisper-1", stream=True
    ) as stream:
        first = next(iter(stream))
        assert first.delta
        assert queued_seconds(demos) > 0


def test_disconnect_cancels_the_work(demos: RunningServer, client: OpenAI) -> None:
    before = failures(demos, "cancelled")
    with client.audio.transcriptions.create(
        file=long_recording(25), model="whisper-1", stream=True
    ) as stream:
        next(iter(stream))
    with demos.client() as plain:
        wait_until_idle(plain)
    assert failures(demos, "cancelled") == before + 1


def test_short_recording_has_one_delta_and_silence_none(client: OpenAI) -> None:
    def events(file: object) -> list[str]:
        stream = client.audio.transcriptions.create(
            file=file, model="gpt-4o-transcribe", stream=True, response_format="text"
        )
        return [event.type.removeprefix("transcript.text.") for event in stream]

    assert events(SAMPLES[0]) == ["delta", "done"]
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(32_000), 16_000, format="WAV")
    assert events(buffer.getvalue()) == ["done"]


def test_asynchronous_client_receives_the_same_deltas(demos: RunningServer) -> None:
    async def stream_one() -> tuple[str, str]:
        url = f"{demos.address}/v1"
        async with AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
            stream = await client.audio.transcriptions.create(
                file=SAMPLES[1], model="whisper-1", stream=True
            )
            events = [event async for event in stream]
            return events[0].delta, events[-1].text

    delta, text = asyncio.run(stream_one())
    assert delta == text != ""


def test_error_before_the_first_event_has_a_status(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        client.audio.transcriptions.create(file=b"no audio", model="whisper-1", stream=True)
    assert refused.value.status_code == 400
    assert refused.value.code == "invalid_value"


def test_events_are_sent_unbuffered_and_uncached(demos: RunningServer) -> None:
    with (
        demos.client() as plain,
        plain.stream(
            "POST",
            "/v1/audio/transcriptions",
            files={"file": SAMPLES[0].read_bytes()},
            data={"model": "whisper-1", "stream": "true"},
        ) as answer,
    ):
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"
        body = answer.read().decode()
    events = body.split("\n\n")
    assert events.pop() == ""
    assert all(event.startswith("data: {") for event in events)
