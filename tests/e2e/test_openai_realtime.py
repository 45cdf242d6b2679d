"""OpenAI's Realtime client against a real server: detected turns, and turns it commits."""

import asyncio
import base64
import json
from collections.abc import Coroutine
from typing import Any

import numpy as np
import pytest
import websockets
from demo_model import sample_texts
from openai import OpenAI
from realtime_session import TRANSCRIPTION, pcm, samples, talking
from running import KEY, RunningServer
from websockets.exceptions import InvalidStatus

TEXTS = sample_texts()
# The client's package connects in a form that websockets has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as:DeprecationWarning")


def mu_law(signal: np.ndarray) -> bytes:
    """G.711, by its formula."""
    wide = np.clip(np.abs(signal) * 32_768, 0, 32_635).astype(np.int32) + 0x84
    exponent = np.floor(np.log2(wide)).astype(np.int32) - 7
    mantissa = (wide >> (exponent + 3)) & 0x0F
    sign = np.where(signal < 0, 0x80, 0)
    return (~(sign | exponent << 4 | mantissa) & 0xFF).astype(np.uint8).tobytes()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_detected_turns_are_sent_in_order(demos: RunningServer) -> None:
    async def two_detected_turns() -> None:
        async with talking(demos, model="gpt-4o-transcribe") as talk:
            session = talk.events[0].session
            assert (session.type, session.audio.input.format.rate) == ("transcription", 24_000)
            assert session.audio.input.turn_detection.type == "server_vad"
            assert session.audio.input.transcription.model == "gpt-4o-transcribe"
            await talk.set(
                include=["item.input_audio_transcription.logprobs"],
                transcription={"model": "whisper-1", "language": "no"},
                turn_detection={"type": "server_vad", "silence_duration_ms": 400},
            )
            await talk.send(pcm(1, 2))
            await talk.until(f"{TRANSCRIPTION}.completed", times=2)
        first, second = talk.of(f"{TRANSCRIPTION}.completed")
        assert [first.transcript, second.transcript] == TEXTS[:2]
        kinds = [
            event.type.rpartition(".")[2]
            for event in talk.events
            if getattr(event, "item_id", None) == first.item_id
        ]
        sent = [kind for kind in kinds if kind != "delta"]
        assert sent == ["speech_started", "speech_stopped", "committed", "completed"]
        started, again = talk.of("input_audio_buffer.speech_started")
        stopped, ended = talk.of("input_audio_buffer.speech_stopped")
        duration = 1000 * len(samples(1, 24_000)) / 24_000
        assert started.audio_start_ms < duration / 4
        assert duration / 2 < stopped.audio_end_ms < again.audio_start_ms + 300
        assert ended.audio_end_ms > again.audio_start_ms
        one, two = talk.of("input_audio_buffer.committed")
        assert (one.previous_item_id, two.previous_item_id) == (None, first.item_id)
        assert [event.item.id for event in talk.of("conversation.item.added")] == [
            first.item_id,
            second.item_id,
        ]
        for item in (first, second):
            assert talk.deltas(item.item_id) == item.transcript
            assert "".join(token.token for token in item.logprobs) == item.transcript
            assert item.usage.type == "duration"
            assert item.usage.seconds > 2

    run(two_detected_turns())


def test_client_commits_without_turn_detection(demos: RunningServer) -> None:
    async def two_items() -> None:
        async with talking(demos) as talk:
            session = await talk.set(turn_detection=None)
            assert session.audio.input.turn_detection is None
            for number in (3, 2):
                # Without the pause at its end: committed audio is transcribed to its last word.
                await talk.send(pcm(number, pause=0.0))
                await talk.connection.input_audio_buffer.commit()
                completed = await talk.until(f"{TRANSCRIPTION}.completed")
                assert completed.transcript == TEXTS[number - 1]
                assert talk.deltas(completed.item_id) == completed.transcript
                seconds = len(samples(number, 24_000)) / 24_000
                assert completed.usage.seconds == pytest.approx(seconds, abs=0.05)
            assert not talk.of("input_audio_buffer.speech_started")
            one, two = talk.of("input_audio_buffer.committed")
            assert two.previous_item_id == one.item_id

    run(two_items())


def test_commit_ends_a_turn_and_silence_is_an_empty_item(
    demos: RunningServer,
) -> None:
    async def two_items() -> None:
        async with talking(demos) as talk:
            await talk.send(pcm(1, pause=0.0))
            await talk.connection.input_audio_buffer.commit()
            completed = await talk.until(f"{TRANSCRIPTION}.completed")
            assert completed.transcript == TEXTS[0]
            assert not talk.of("input_audio_buffer.speech_stopped")
            await talk.send(bytes(48_000))
            await talk.connection.input_audio_buffer.commit()
            assert (await talk.until(f"{TRANSCRIPTION}.completed")).transcript == ""
            await talk.send(pcm(2))
            assert (await talk.until(f"{TRANSCRIPTION}.completed")).transcript == TEXTS[1]
            again = talk.of("input_audio_buffer.speech_started")[-1]
            assert again.audio_start_ms > 1000 * len(samples(1, 24_000)) / 24_000 + 500

    run(two_items())


def test_cleared_audio_is_not_transcribed(demos: RunningServer) -> None:
    async def cleared_audio() -> None:
        async with talking(demos) as talk:
            await talk.set(turn_detection=None)
            await talk.send(pcm(1))
            await talk.connection.input_audio_buffer.clear()
            await talk.until("input_audio_buffer.cleared")
            await talk.connection.input_audio_buffer.commit()
            error = (await talk.until("error")).error
            assert error.code == "input_audio_buffer_commit_empty"
            await talk.send(pcm(2))
            await talk.connection.input_audio_buffer.commit()
            assert (await talk.until(f"{TRANSCRIPTION}.completed")).transcript == TEXTS[1]

    run(cleared_audio())


@pytest.mark.parametrize("kind", ["audio/pcm", "audio/pcmu"])
def test_other_rates_and_g711_are_transcribed(demos: RunningServer, kind: str) -> None:
    async def transcribes() -> None:
        async with talking(demos) as talk:
            if kind == "audio/pcm":
                form, data = {"type": kind, "rate": 16_000}, pcm(3, rate=16_000)
            else:
                form, data = {"type": kind}, mu_law(samples(3, 8_000))
            await talk.set(format=form, turn_detection=None)
            await talk.send(data)
            await talk.connection.input_audio_buffer.commit()
            transcript = (await talk.until(f"{TRANSCRIPTION}.completed")).transcript
            # The telephone band changes some letters.
            same = set(transcript.split()) & set(TEXTS[2].split())
            assert len(same) >= 0.6 * len(TEXTS[2].split())

    run(transcribes())


def test_language_keywords_and_formatted_text_are_settings(demos: RunningServer) -> None:
    async def session_settings() -> None:
        async with talking(demos) as talk:
            await talk.set(
                transcription={"language": "nb", "keywords": ["sjakk"], "format_text": True},
                turn_detection=None,
            )
            await talk.send(pcm(2))
            await talk.connection.input_audio_buffer.commit()
            written = TEXTS[1][0].upper() + TEXTS[1][1:] + "."
            completed = await talk.until(f"{TRANSCRIPTION}.completed")
            assert completed.transcript == written
            assert talk.deltas(completed.item_id) == TEXTS[1]
            session = await talk.set(transcription={"languages": ["sv", "da"], "language": None})
            assert session.audio.input.transcription.languages == ["sv", "da"]

    run(session_settings())


def test_masked_turns_have_labels_in_deltas_and_transcripts(demos: RunningServer) -> None:
    async def masked_turns() -> None:
        async with talking(demos) as talk:
            masked = {"language": "nb", "redact": "names", "redact_names": "kraftig"}
            session = await talk.set(transcription=masked)
            assert session.audio.input.transcription.redact == "names"
            await talk.send(pcm(2, 1))
            await talk.send(pcm(2, pause=0.0))
            await talk.connection.input_audio_buffer.commit()
            await talk.until(f"{TRANSCRIPTION}.completed", times=3)
            label = TEXTS[1].replace("kraftig", "[navn]")
            items = [event.item_id for event in talk.of("input_audio_buffer.speech_started")]
            completed = talk.of(f"{TRANSCRIPTION}.completed")
            assert [event.transcript for event in completed] == [label, TEXTS[0], label]
            # Each in its own item, though a masked result waits for the next words.
            assert [event.item_id for event in completed] == items
            assert [talk.deltas(item) for item in items] == [label, TEXTS[0], label]
            await talk.set(transcription={"format_text": True}, turn_detection=None)
            await talk.send(pcm(2))
            await talk.connection.input_audio_buffer.commit()
            written = label[0].upper() + label[1:] + "."
            assert (await talk.until(f"{TRANSCRIPTION}.completed")).transcript == written
        sent = [event for event in talk.events if not event.type.startswith("session.")]
        assert all("kraftig" not in event.model_dump_json() for event in sent)

    run(masked_turns())


WRONG: list[tuple[dict[str, Any], str | None, str]] = [
    ({"type": "response.create"}, "type", "input_audio_buffer.append"),
    ({"type": "input_audio_buffer.append", "audio": "?"}, "audio", "base64"),
    ({"type": "input_audio_buffer.append"}, "audio", "base64"),
    ({"type": "session.update", "session": 5}, "session", "object"),
    ({"type": "session.update", "session": {"type": "realtime"}}, "session.type", "transcription"),
]
WRONG += [
    ({"type": "session.update", "session": {"audio": {"input": audio}}}, param, message)
    for audio, param, message in (
        (
            {"turn_detection": {"type": "semantic_vad"}},
            "session.audio.input.turn_detection.type",
            "server_vad",
        ),
        ({"format": {"type": "audio/opus"}}, "session.audio.input.format", "audio/pcmu"),
        (
            {"format": {"type": "audio/pcm", "rate": 5}},
            "session.audio.input.format.rate",
            "greater than or equal to 8000",
        ),
        ({"transcription": {"model": "other"}}, "model", "demo-nb"),
        ({"transcription": {"language": "sv"}}, "language", "served"),
        (
            {"transcription": {"redact": "phones"}},
            "session.audio.input.transcription.redact",
            "accepted: national-id, phone",
        ),
        ({"transcription": {"redact": "names"}}, "redact_names", "NORDLYD_REDACT_NAMES"),
        (
            {"transcription": {"beam_with": 5}},
            "session.audio.input.transcription.beam_with",
            "no field",
        ),
    )
]


def test_wrong_event_is_an_error_event_and_the_session_continues(demos: RunningServer) -> None:
    async def sends_wrong_events() -> None:
        async with talking(demos) as talk:
            for number, (wrong, param, message) in enumerate(WRONG):
                await talk.connection.send_raw(json.dumps(wrong | {"event_id": f"mine_{number}"}))
                error = (await talk.until("error")).error
                assert (error.param, error.event_id) == (param, f"mine_{number}"), error
                assert error.type == "invalid_request_error"
                assert message in error.message
            half = '{"type": "session.update", "session": {"\\ud800": 1}, "event_id": "\\udfff"}'
            for noise in ("no json", "[]", "[" * 100_000, b"\xff\x00", half):
                await talk.connection.send_raw(noise)
                assert (await talk.until("error")).error.code == "invalid_request"
            await talk.send(pcm(2))
            assert (await talk.until(f"{TRANSCRIPTION}.completed")).transcript == TEXTS[1]

    run(sends_wrong_events())


def test_synchronous_client_gets_the_same_events(demos: RunningServer) -> None:
    with (
        OpenAI(base_url=f"{demos.address}/v1", api_key="any", max_retries=0) as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as connection,
    ):
        assert connection.recv().type == "session.created"
        audio = base64.b64encode(pcm(2)).decode()
        connection.input_audio_buffer.append(audio=audio)
        for event in connection:
            if event.type == f"{TRANSCRIPTION}.completed":
                assert event.transcript == TEXTS[1]
                break


@pytest.mark.parametrize(
    ("query", "status", "param"),
    [("intent=conversation", 400, "intent"), ("intent=transcription&model=other", 404, "model")],
)
def test_unsupported_session_is_refused_at_the_handshake(
    demos: RunningServer, query: str, status: int, param: str
) -> None:
    async def refused_handshakes() -> None:
        url = f"{demos.address.replace('http', 'ws')}/v1/realtime?{query}"
        with pytest.raises(InvalidStatus) as refused:
            await websockets.connect(url)
        assert refused.value.response.status_code == status
        assert json.loads(refused.value.response.body)["error"]["param"] == param
        # A page cannot read that response, so its connection is accepted, for it to read this.
        async with websockets.connect(url, subprotocols=["realtime"]) as page:
            sent = json.loads(await page.recv())
            assert (sent["type"], sent["error"]["param"]) == ("error", param)
            await page.wait_closed()
            assert page.close_code == 1008

    run(refused_handshakes())


def test_key_is_accepted_in_a_header_or_a_subprotocol(guarded: RunningServer) -> None:
    async def accepted_keys() -> None:
        url = f"{guarded.address.replace('http', 'ws')}/v1/realtime?intent=transcription"
        with pytest.raises(InvalidStatus) as refused:
            await websockets.connect(url)
        assert refused.value.response.status_code == 401
        protocols = ["realtime", "openai-insecure-api-key.wrong"]
        async with websockets.connect(url, subprotocols=protocols) as stranger:  # type: ignore[arg-type]
            assert json.loads(await stranger.recv())["error"]["code"] == "invalid_api_key"
            await stranger.wait_closed()
            assert stranger.close_code == 1008
        protocols = ["realtime", "openai-insecure-api-key.key-0"]
        async with websockets.connect(url, subprotocols=protocols) as page:  # type: ignore[arg-type]
            assert page.subprotocol == "realtime"
            assert json.loads(await page.recv())["type"] == "session.created"
        header = {"authorization": f"Bearer {KEY.encode().decode('latin-1')}"}
        async with websockets.connect(url, additional_headers=header) as known:
            assert json.loads(await known.recv())["type"] == "session.created"

    run(accepted_keys())
