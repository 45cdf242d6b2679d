"""Home Assistant's protocol on a real TCP port, spoken with the `wyoming` package."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

import pytest
import soundfile
from demo_model import DEMO, sample_texts
from running import RunningServer, live_streams
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info, SelectProgram
from wyoming.ping import Ping, Pong

TEXTS = sample_texts()
DANISH = "den genererede rapporter et writer dokument som du også kan redigere"


def speech(number: int = 0, folder: str = "demo-nb") -> bytes:
    """A sample as Home Assistant sends it: 16 kHz, 16 bit, mono."""
    file = DEMO.parent / folder / "samples" / f"sample-{number + 1}.flac"
    samples, rate = soundfile.read(file, dtype="int16")
    assert rate == 16_000
    return samples.tobytes()


def audio(data: bytes, *, rate: int = 16_000, channels: int = 1, size: int = 2_048) -> list[Event]:
    """The events of one recording."""
    form = {"rate": rate, "width": 2, "channels": channels}
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return [
        AudioStart(**form).event(),
        *(AudioChunk(audio=part, **form).event() for part in parts),
        AudioStop().event(),
    ]


def on(server: RunningServer, work: Callable[[AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
    """Does something with a connected client."""

    async def connected() -> Any:
        async with AsyncClient.from_uri(server.wyoming, read_timeout=60) as client:
            return await work(client)

    return asyncio.run(connected())


async def replies_to(
    client: AsyncClient, *events: Event, so_far: list[Event] | None = None
) -> list[Event]:
    """Sends everything first, as Home Assistant does, then reads up to the last answer."""
    for event in events:
        await client.write_event(event)
    answers = [] if so_far is None else so_far
    while (event := await client.read_event()) is not None:
        answers.append(event)
        if TranscriptStop.is_type(event.type):
            break
    return answers


def transcript(answers: list[Event]) -> Transcript:
    (whole,) = [event for event in answers if Transcript.is_type(event.type)]
    return Transcript.from_event(whole)


async def ended(client: AsyncClient) -> bool:
    return await client.read_event() is None


def test_describe_lists_the_models(demos: RunningServer) -> None:
    async def describe(client: AsyncClient) -> Event | None:
        await client.write_event(SelectProgram("nordlyd").event())
        await client.write_event(Describe().event())
        return await client.read_event()

    info = Info.from_event(on(demos, describe))
    (program,) = info.asr
    assert (program.name, program.installed) == ("nordlyd", True)
    assert program.version
    assert program.supports_transcript_streaming
    assert {model.name: model.languages for model in program.models} == {
        "demo-nb": ["nb", "no"],
        "demo-da": ["da"],
    }
    assert all(model.installed and model.description for model in program.models)
    assert all(model.attribution.name for model in program.models)


@pytest.mark.parametrize(
    ("options", "folder", "text", "language"),
    [
        (Transcribe(language="nb"), "demo-nb", TEXTS[0], "nb"),
        (Transcribe(language="no"), "demo-nb", TEXTS[0], "no"),
        (Transcribe(language="da"), "demo-da", DANISH, "da"),
        (Transcribe(name="demo-da"), "demo-da", DANISH, "da"),
        (None, "demo-nb", TEXTS[0], "nb"),
    ],
)
def test_command_is_transcribed_in_chunks_and_as_a_whole(
    demos: RunningServer, options: Transcribe | None, folder: str, text: str, language: str
) -> None:
    sent = [options.event()] if options else []
    answers = on(demos, lambda client: replies_to(client, *sent, *audio(speech(folder=folder))))
    assert transcript(answers) == Transcript(text, language=language)
    kinds = [event.type for event in answers]
    assert kinds[0] == "transcript-start"
    assert TranscriptStart.from_event(answers[0]).language == language
    assert kinds[-2:] == ["transcript", "transcript-stop"]
    chunks = [event for event in answers if TranscriptChunk.is_type(event.type)]
    assert len(chunks) == len(kinds) - 3 >= 1
    assert "".join(TranscriptChunk.from_event(chunk).text for chunk in chunks) == text


def test_chunks_arrive_before_the_command_has_ended(demos: RunningServer) -> None:
    async def speak(client: AsyncClient) -> list[Event]:
        start, *spoken, stop = audio(speech())
        _, silence, _ = audio(bytes(6_400), size=6_400)
        answers: list[Event] = []
        reading = asyncio.create_task(replies_to(client, so_far=answers))
        for event in (Transcribe(language="nb").event(), start, *spoken):
            await client.write_event(event)
        end = time.monotonic() + 60
        while not any(TranscriptChunk.is_type(event.type) for event in answers):
            assert time.monotonic() < end
            await client.write_event(silence)
            await asyncio.sleep(0.05)
        await client.write_event(stop)
        return await reading

    assert transcript(on(demos, speak)).text == TEXTS[0]


def test_several_commands_and_pings_share_one_connection(demos: RunningServer) -> None:
    async def speak(client: AsyncClient) -> list[Transcript]:
        transcripts = []
        for language, number, folder in (("nb", 1, "demo-nb"), ("da", 0, "demo-da")):
            await client.write_event(Ping("there?").event())
            answer = await client.read_event()
            assert answer is not None
            assert Pong.from_event(answer).text == "there?"
            options = Transcribe(language=language).event()
            transcripts.append(
                transcript(await replies_to(client, options, *audio(speech(number, folder))))
            )
        # The options are those of one command.
        transcripts.append(transcript(await replies_to(client, *audio(speech(1)))))
        return transcripts

    assert on(demos, speak) == [
        Transcript(TEXTS[1], language="nb"),
        Transcript(DANISH, language="da"),
        Transcript(TEXTS[1], language="nb"),
    ]


def test_several_clients_are_served_at_once(demos: RunningServer) -> None:
    async def speak(number: int) -> str:
        async with AsyncClient.from_uri(demos.wyoming, read_timeout=60) as client:
            return transcript(await replies_to(client, *audio(speech(number % 3)))).text

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(speak(number) for number in range(6)))

    assert asyncio.run(all_of_them()) == TEXTS * 2


def test_other_rates_and_two_channels_are_transcribed(demos: RunningServer) -> None:
    import numpy as np
    import soxr

    samples = np.frombuffer(speech(1), "<i2").astype(np.float32)
    wide = np.clip(soxr.resample(samples, 16_000, 48_000), -32768, 32767).astype("<i2")
    both = np.stack([wide, wide], axis=1).tobytes()
    events = audio(both, rate=48_000, channels=2, size=3_840)
    assert transcript(on(demos, lambda client: replies_to(client, *events))).text == TEXTS[1]


def test_single_chunk_without_audio_start_is_transcribed(demos: RunningServer) -> None:
    _, *events = audio(speech(1), size=10**6)
    assert len(events) == 2
    assert transcript(on(demos, lambda client: replies_to(client, *events))).text == TEXTS[1]


def test_names_and_terms_are_hotwords(demos: RunningServer) -> None:
    options = Transcribe(
        language="nb", transcript_names=["Taklampe Stue"], transcript_terms=["lerretet"]
    ).event()
    answers = on(demos, lambda client: replies_to(client, options, *audio(speech())))
    assert transcript(answers).text == TEXTS[0].replace("lerretets", "lerretet")


def test_silence_gives_an_empty_transcript(demos: RunningServer) -> None:
    answers = on(demos, lambda client: replies_to(client, *audio(bytes(32_000))))
    assert [event.type for event in answers] == [
        "transcript-start",
        "transcript",
        "transcript-stop",
    ]
    assert transcript(answers).text == ""


@pytest.mark.parametrize(
    ("events", "code", "message"),
    [
        (
            [Transcribe(language="sv").event(), *audio(bytes(8_000))],
            "model_not_found",
            "served: nb",
        ),
        (
            [Transcribe(language="auto").event(), *audio(bytes(8_000))],
            "invalid_request",
            "no language is detected here",
        ),
        (
            [Transcribe(name="demo-sv").event(), *audio(bytes(8_000))],
            "model_not_found",
            "loaded: demo-nb, demo-da",
        ),
        ([AudioStart(16_000, 4, 1).event(), AudioStop().event()], "invalid_request", "width is 4"),
        ([AudioStart(7, 2, 1).event(), AudioStop().event()], "invalid_request", "7"),
        ([AudioStart(16_000, 2, 0).event(), AudioStop().event()], "invalid_request", "0"),
        (
            [Event("audio-start", {"rate": "fast"}), AudioStop().event()],
            "invalid_request",
            "rate is 'fast'",
        ),
        (
            [*audio(bytes(8_000))[:-1], *audio(bytes(8_000), rate=8_000)[1:]],
            "invalid_request",
            "one format",
        ),
        ([AudioStop().event()], "invalid_request", "before any audio"),
        ([Event("transcribe", {"language": 7})], "invalid_request", "accepted: text"),
        ([Event("transcribe", {"transcript_terms": "a"})], "invalid_request", "a list of texts"),
    ],
)
def test_refused_command_is_an_error_and_ends_the_connection(
    demos: RunningServer, events: list[Event], code: str, message: str
) -> None:
    answers = on(demos, lambda client: replies_to(client, *events))
    error = Error.from_event(answers[-1])
    assert error.code == code
    assert message in error.text
    assert (
        transcript(on(demos, lambda client: replies_to(client, *audio(speech(1))))).text == TEXTS[1]
    )


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
        b"[]\n",
        b"5\n",
        b"{}\n",
        b'{"type": "describe", "data": null}\n',
        b'{"type": "audio-chunk", "data_length": "9"}\n',
        b'{"type": "audio-chunk", "payload_length": 99999999999}\n',
        b'{"type": "describe", "data_length": 3}\n[1]',
        b"x" * 100_000,
    ],
)
def test_malformed_event_is_an_error_and_ends_the_connection(
    demos: RunningServer, sent: bytes
) -> None:
    async def send() -> list[bytes]:
        address = urlsplit(demos.wyoming)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(sent)
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        await writer.wait_closed()
        return answer.split(b"\n")

    header, data = asyncio.run(send())
    assert json.loads(header)["type"] == "error"
    assert (
        "not an event of Wyoming" in json.loads(data)["text"]
        or "not a JSON object" in data.decode()
    )


def test_unknown_events_are_ignored(demos: RunningServer) -> None:
    async def send(client: AsyncClient) -> Event | None:
        await client.write_event(Event("synthesize", {"text": "hei"}, b"with a payload"))
        await client.write_event(Ping().event())
        return await client.read_event()

    assert Pong.is_type(on(demos, send).type)


def test_client_that_disconnects_frees_its_stream(demos: RunningServer) -> None:
    with demos.client() as http:

        async def wait_for(met: Callable[[], bool]) -> None:
            end = time.monotonic() + 30
            while not met() and time.monotonic() < end:  # noqa: ASYNC110 - requested over HTTP
                await asyncio.sleep(0.02)
            assert met()

        async def speak_and_leave(end: Callable[[AsyncClient], Awaitable[None]]) -> None:
            async with AsyncClient.from_uri(demos.wyoming) as client:
                for event in audio(speech())[:40]:
                    await client.write_event(event)
                await wait_for(lambda: live_streams(http) == before + 1)
                await end(client)
                await wait_for(lambda: live_streams(http) == before)

        async def close(client: AsyncClient) -> None:
            await client.disconnect()

        async def in_the_middle_of_an_event(client: AsyncClient) -> None:
            client._writer.write(b'{"type": "audio-chunk", "payload_length": 1000}\nabc')
            client._writer.transport.abort()

        before = live_streams(http)
        asyncio.run(speak_and_leave(close))
        asyncio.run(speak_and_leave(in_the_middle_of_an_event))
