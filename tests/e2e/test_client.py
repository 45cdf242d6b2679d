"""The Python client, called and awaited, against a real server."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import docx
import httpx
import pytest
import soundfile
from cutting_proxy import cutting_proxy
from demo_model import DEMO, sample_texts
from running import KEY, RunningServer
from web_server import WebServer

from nordlyd_client import (
    AsyncClient,
    Client,
    End,
    Final,
    Partial,
    Ready,
    RefusedError,
    Retries,
    UnauthorisedError,
    UnreachableError,
)

SAMPLES = sorted((DEMO / "samples").glob("*.flac"))
CLOSE_BYTES = 8
"""What a client still sends once every event has come: the frame that closes its side."""
QUICK = Retries(attempts=3, first_wait=0.05)


def call(awaiting: bool, server: str, method: str, /, *arguments: Any, **options: Any) -> Any:
    """Calls a method of one of the clients; what comes piece by piece comes as a list."""
    key = options.pop("api_key", None)
    if not awaiting:
        with Client(server, key, retries=QUICK) as client:
            answer = getattr(client, method)(*arguments, **options)
            return list(answer) if isinstance(answer, Iterator) else answer

    async def run() -> Any:
        async with AsyncClient(server, key, retries=QUICK) as client:
            answer = getattr(client, method)(*arguments, **options)
            if isinstance(answer, AsyncIterator):
                return [item async for item in answer]
            return await answer

    return asyncio.run(run())


@pytest.fixture(params=[False, True], ids=["called", "awaited"])
def awaiting(request: pytest.FixtureRequest) -> bool:
    """Which client."""
    return bool(request.param)


def pcm(path: Path = SAMPLES[0]) -> tuple[bytes, int]:
    """A sample as 16-bit samples, and their rate."""
    samples, rate = soundfile.read(path, dtype="int16")
    return samples.tobytes(), rate


def finals(events: list[Any]) -> list[str]:
    """The final texts among the events of a stream."""
    return [event.text for event in events if isinstance(event, Final)]


def pieces(sound: bytes, size: int = 3_333) -> Iterator[bytes]:
    return (sound[start : start + size] for start in range(0, len(sound), size))


def test_transcription_equals_the_answer_of_the_api(demos: RunningServer, awaiting: bool) -> None:
    options: dict[str, Any] = {"language": "nb", "format_text": True, "n_best": 2}
    for audio in (SAMPLES[0], str(SAMPLES[0]), SAMPLES[0].read_bytes()):
        answer = call(awaiting, demos.address, "transcribe", audio, **options)
        assert answer.text == sample_texts()[0]
    body = json.loads(answer.body)
    with demos.client() as plain:
        params = {name: str(value).lower() for name, value in options.items()}
        expected = plain.post("/transcribe", params=params, content=audio).json()
    assert list(body) == list(expected)
    assert [word.word for word in answer.words] == answer.text.split()
    assert all(one.end <= two.start for one, two in pairwise(answer.words))
    assert (answer.formatted_text, answer.model) == (expected["formatted_text"], "demo-nb")
    assert [other.text for other in answer.alternatives] == [
        other["text"] for other in expected["alternatives"]
    ]
    assert answer.duration == expected["duration"]
    assert answer.request_id == body["request_id"]


def test_format_returns_its_text(demos: RunningServer, awaiting: bool) -> None:
    with SAMPLES[0].open("rb") as file:
        text = call(awaiting, demos.address, "transcribe", file, response_format="text")
        assert text == sample_texts()[0] + "\n"
        cues = call(
            awaiting, demos.address, "transcribe", file, response_format="vtt", word_cues=True
        )
        document = call(
            awaiting, demos.address, "transcribe", file, response_format="docx", times=True
        )
        assert not file.closed
    paragraphs = [paragraph.text for paragraph in docx.Document(io.BytesIO(document)).paragraphs]
    assert paragraphs[1] == f"[00:00:00] {sample_texts()[0]}"
    assert cues.startswith("WEBVTT\n")
    assert "<c>" in cues


def test_raw_samples_are_sent_with_their_encoding(demos: RunningServer, awaiting: bool) -> None:
    sound, rate = pcm()
    answer = call(
        awaiting, demos.address, "transcribe", sound, encoding="s16le", rate=rate, language="nb"
    )
    assert answer.text == sample_texts()[0]


def test_url_is_fetched_where_its_host_is_allowed(
    demos: RunningServer, archive: WebServer, awaiting: bool
) -> None:
    archive.files["/sample.flac"] = SAMPLES[0].read_bytes()
    url = archive.url("/sample.flac")
    answer = call(awaiting, demos.address, "transcribe", url=url, language="nb")
    assert answer.text == sample_texts()[0]
    with pytest.raises(RefusedError) as caught:
        call(awaiting, demos.address, "transcribe", url="http://elsewhere.example/x.wav")
    assert caught.value.code == "url_not_allowed"


def test_many_recordings_are_transcribed(
    demos: RunningServer, awaiting: bool, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    results = call(
        awaiting, demos.address, "transcribe_many", [*SAMPLES, bad], jobs=2, language="nb"
    )
    found = {result.path: result for result in results}
    assert isinstance(found.pop(bad).error, RefusedError)
    assert [found[path].transcription.text for path in SAMPLES] == sample_texts()


def test_text_is_aligned(demos: RunningServer, awaiting: bool) -> None:
    answer = call(
        awaiting, demos.address, "align", SAMPLES[0], sample_texts()[0] + " kvasimodo",
        language="nb", characters=True,
    )  # fmt: skip
    *found, lost = answer.words
    assert all(word.found and word.characters for word in found)
    assert (lost.found, lost.start) == (False, None)


def test_health_models_and_readiness_are_returned(demos: RunningServer, awaiting: bool) -> None:
    assert call(awaiting, demos.address, "ready") is True
    health = call(awaiting, demos.address, "health")
    assert (health.state, health.queue.limit_seconds > 0) == ("ready", True)
    models = call(awaiting, demos.address, "models")
    assert [(model.id, model.languages[0]) for model in models] == [
        ("demo-nb", "nb"), ("demo-da", "da"),
    ]  # fmt: skip


def test_refusal_raises_the_error_of_the_server(demos: RunningServer, awaiting: bool) -> None:
    with pytest.raises(RefusedError) as caught:
        call(awaiting, demos.address, "transcribe", SAMPLES[0], language="sv")
    with demos.client() as plain:
        error = plain.post("/transcribe?language=sv", content=b"x").json()["error"]
    failure = caught.value
    assert {name: getattr(failure, name) for name in error} == error
    assert failure.status == 404
    assert failure.request_id


def test_keys_with_any_letters_are_accepted(
    guarded: RunningServer, awaiting: bool, clip: Any
) -> None:
    url = guarded.address
    assert call(awaiting, url, "transcribe", clip(), api_key=KEY).model == "tiny-nb"
    sound, rate = pcm()
    assert isinstance(call(awaiting, url, "stream", [sound], rate=rate, api_key=KEY)[-1], End)
    for method, audio in (("transcribe", clip()), ("stream", [sound])):
        with pytest.raises(UnauthorisedError) as caught:
            call(awaiting, url, method, audio, api_key="wrong")
        assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")


def test_stream_gives_the_text_of_the_recording(demos: RunningServer, awaiting: bool) -> None:
    sound, rate = pcm()
    events = call(awaiting, demos.address, "stream", pieces(sound), rate=rate, language="nb")
    assert isinstance(events[0], Ready)
    assert isinstance(events[-1], End)
    assert events[-1].duration == pytest.approx(len(sound) / 2 / rate, abs=0.01)
    finals = [event for event in events if isinstance(event, Final)]
    assert " ".join(final.text for final in finals) == sample_texts()[0]
    assert [word.word for final in finals for word in final.words] == sample_texts()[0].split()
    for event in events:
        if isinstance(event, Partial):
            assert finals[event.utterance].text.startswith(event.stable)


def test_stream_options_are_sent(demos: RunningServer, awaiting: bool) -> None:
    # Of the demos' samples, one that is read in several ways.
    sound, rate = pcm(DEMO.parent / "demo-da" / "samples" / "sample-2.flac")
    events = call(
        awaiting, demos.address, "stream", [sound], rate=rate, language="da", n_best=2,
        format_text=True, partials=False, endpoint_silence=1.5,
    )  # fmt: skip
    assert not any(isinstance(event, Partial) for event in events)
    finals = [event for event in events if isinstance(event, Final)]
    assert finals[0].formatted_text[0].isupper()
    assert len(finals[0].alternatives) == 2


@pytest.mark.parametrize("left", [0.7, 0.3, CLOSE_BYTES], ids=["early", "late", "at the end"])
def test_broken_stream_resumes_where_it_was(
    demos: RunningServer, awaiting: bool, left: float
) -> None:
    """At the end, when all audio has arrived and only the last words are missing."""
    sound, rate = pcm(SAMPLES[1])
    with cutting_proxy(demos.address) as proxy:
        whole = call(awaiting, proxy.url, "stream", pieces(sound), rate=rate, language="nb")
        total = proxy.sent[0]
        proxy.cut_after = total - round(left * total if left < 1 else left)
        broken = call(awaiting, proxy.url, "stream", pieces(sound), rate=rate, language="nb")
    assert len(proxy.sent) == 3
    assert finals(broken) == finals(whole) != []
    assert sum(isinstance(event, Ready) for event in broken) == 1
    assert isinstance(broken[-1], End)
    assert broken[-1].duration == pytest.approx(whole[-1].duration, abs=0.02)


def test_refused_stream_raises(demos: RunningServer, awaiting: bool) -> None:
    with pytest.raises(RefusedError, match="sv") as caught:
        call(awaiting, demos.address, "stream", [b"\0\0"], language="sv")
    assert caught.value.code == "model_not_found"


def test_failure_of_the_source_is_raised(demos: RunningServer, awaiting: bool) -> None:
    def failing() -> Iterator[bytes]:
        yield bytes(3200)
        raise OSError("the microphone was unplugged")

    with pytest.raises(OSError, match="unplugged"):
        call(awaiting, demos.address, "stream", failing())


def test_stream_to_a_missing_server_raises_unreachable(awaiting: bool) -> None:
    with cutting_proxy("http://127.0.0.1:1") as proxy:
        gone = proxy.url
    with pytest.raises(UnreachableError):
        call(awaiting, gone, "stream", [b"\0\0"])


def test_closed_stream_ends_on_the_server(demos: RunningServer) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield from pieces(sound)

    sound, rate = pcm()
    with Client(demos.address) as client:
        for event in client.stream(endless(), rate=rate, language="nb"):
            if isinstance(event, Final):
                break
        assert client.ready()


def test_stream_accepts_an_asynchronous_source(demos: RunningServer) -> None:
    sound, rate = pcm()

    async def source() -> AsyncIterator[bytes]:
        for piece in pieces(sound):
            yield piece

    async def run() -> list[Any]:
        async with AsyncClient(demos.address) as client:
            return [event async for event in client.stream(source(), rate=rate, language="nb")]

    finals = [event.text for event in asyncio.run(run()) if isinstance(event, Final)]
    assert " ".join(finals) == sample_texts()[0]


def test_cancelled_request_is_dropped_by_the_server(
    client: httpx.Client, server: RunningServer, clip: Any
) -> None:
    async def run() -> None:
        async with AsyncClient(server.address) as mine:
            request = asyncio.create_task(mine.transcribe(clip(seconds=600.0)))
            while not (await mine.health()).queue.seconds:
                assert not request.done()
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
            while (await mine.health()).queue.seconds:
                assert not request.cancelling() or request.done()

    asyncio.run(asyncio.wait_for(run(), 60))
    assert client.get("/health/ready").status_code == 200
