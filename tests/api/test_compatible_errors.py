"""What the clients of OpenAI and Deepgram raise for each failure, over a real uvicorn."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import openai
import pytest
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.errors import BadRequestError
from in_process import InProcess, wait_for
from on_loopback import serving
from openai import AsyncOpenAI
from sounds import as_wav, tones

# The package looks up deprecated names of websockets.
pytestmark = pytest.mark.filterwarnings("ignore:websockets.* is deprecated:DeprecationWarning")

CLIP = as_wav(tones(0, 1.5))
LONG = as_wav(tones(0, 4.0))
KEY = "key-1"
SETTINGS: dict[str, object] = {"api_keys": [KEY], "max_audio_seconds": 3.0, "max_upload_mb": 1.0}
ONCE = {"max_retries": 0, "timeout_in_seconds": 60}

Refusal = tuple[int, dict[str, object], httpx.Headers]


@asynccontextmanager
async def started(**settings: object) -> AsyncIterator[tuple[InProcess, AsyncOpenAI]]:
    async with serving(**(SETTINGS | settings)) as (running, client):
        yield running, client.with_options(api_key=KEY, max_retries=0)


async def refused_by_openai(
    client: AsyncOpenAI, kind: type[openai.APIStatusError], file: bytes = CLIP, **fields: object
) -> openai.APIStatusError:
    """What OpenAI's client raises."""
    with pytest.raises(kind) as refused:
        await client.audio.transcriptions.create(
            file=("speech.wav", file),
            **({"model": "whisper-1"} | fields),  # type: ignore[call-overload]
        )
    error = refused.value
    assert type(error) is kind
    assert isinstance(error.body, dict)
    assert list(error.body) == ["message", "type", "param", "code"]
    assert error.message
    assert error.request_id
    return error


@pytest.mark.parametrize(
    ("kind", "status", "fields", "expected"),
    [
        (
            openai.BadRequestError,
            400,
            {"file": b"no audio at all " * 100},
            ("invalid_request_error", "file", "invalid_value"),
        ),
        (
            openai.BadRequestError,
            400,
            {"file": b""},
            ("invalid_request_error", "file", "invalid_value"),
        ),
        (
            openai.BadRequestError,
            400,
            {"file": CLIP[:30]},
            ("invalid_request_error", "file", "invalid_value"),
        ),
        (
            openai.BadRequestError,
            400,
            {"response_format": "xml"},
            ("invalid_request_error", "response_format", "invalid_value"),
        ),
        (
            openai.BadRequestError,
            400,
            {"extra_body": {"beam_with": 5}},
            ("invalid_request_error", "beam_with", "invalid_value"),
        ),
        (
            openai.BadRequestError,
            400,
            {"language": "sv"},
            ("invalid_request_error", "language", "invalid_value"),
        ),
        (
            openai.NotFoundError,
            404,
            {"model": "whisper-9"},
            ("invalid_request_error", "model", "model_not_found"),
        ),
        (openai.APIStatusError, 413, {"file": LONG}, ("server_error", None, None)),
        (openai.APIStatusError, 413, {"file": bytes(2 * 2**20)}, ("server_error", None, None)),
        (
            openai.InternalServerError,
            504,
            {"extra_body": {"timeout": 0.0001}},
            ("server_error", None, "deadline_exceeded"),
        ),
    ],
    ids=[
        "junk", "empty", "truncated", "bad value", "unknown field", "unknown language",
        "unknown model", "too long", "too large", "too late",
    ],
)  # fmt: skip
def test_openai_client_raises_its_own_error(
    kind: type[openai.APIStatusError],
    status: int,
    fields: dict[str, object],
    expected: tuple[str, str | None, str | None],
) -> None:
    async def run() -> None:
        async with started() as (_, client):
            error = await refused_by_openai(client, kind, **fields)  # type: ignore[arg-type]
            assert error.status_code == status
            assert (error.type, error.param, error.code) == expected
            answer = await client.audio.transcriptions.create(
                file=("speech.wav", CLIP), model="whisper-1"
            )
            assert answer.text == "A."

    asyncio.run(run())


def test_openai_client_raises_its_own_errors_for_keys_and_paths() -> None:
    async def run() -> None:
        async with started() as (_, client):
            stranger = client.with_options(api_key="wrong")
            error = await refused_by_openai(stranger, openai.AuthenticationError)
            assert (error.type, error.code) == ("invalid_request_error", "invalid_api_key")
            with pytest.raises(openai.NotFoundError) as unknown:
                await client.embeddings.create(input="text", model="any")
            assert (unknown.value.type, unknown.value.code) == (
                "invalid_request_error",
                "unknown_url",
            )
            with pytest.raises(openai.NotFoundError) as missing:
                await client.models.retrieve("gpt-9")
            assert missing.value.code == "model_not_found"

    asyncio.run(run())


def test_junk_in_an_event_stream_is_a_bad_request() -> None:
    async def run() -> None:
        async with started() as (_, client):
            await refused_by_openai(client, openai.BadRequestError, b"junk" * 99, stream=True)

    asyncio.run(run())


@asynccontextmanager
async def deepgram_of(client: AsyncOpenAI, key: str = KEY) -> AsyncIterator[AsyncDeepgramClient]:
    """Deepgram's client of the service that an OpenAI client is connected to."""
    base = str(client.base_url).removesuffix("/v1/")
    environment = DeepgramClientEnvironment(base=base, production=base, agent=base, agent_rest=base)
    async with httpx.AsyncClient(timeout=60) as connection:
        yield AsyncDeepgramClient(api_key=key, environment=environment, httpx_client=connection)


async def refused_by_deepgram(
    client: AsyncDeepgramClient, kind: type[ApiError], audio: bytes = CLIP, **options: object
) -> ApiError:
    """What Deepgram's client raises."""
    with pytest.raises(kind) as refused:
        await client.listen.v1.media.transcribe_file(
            request=audio,
            request_options=ONCE,
            **options,  # type: ignore[arg-type]
        )
    error = refused.value
    assert type(error) is kind
    assert list(error.body) == ["err_code", "err_msg", "request_id", "error"]
    assert error.headers is not None
    assert error.body["request_id"] == error.headers["dg-request-id"]
    assert error.body["request_id"] == error.headers["x-request-id"]
    assert error.body["err_msg"].endswith(error.body["error"]["message"])
    return error


CORRUPT = "Bad Request: failed to process audio: corrupt or unsupported data"
NO_MODEL = "Bad Request: No such model/language/tier combination found."


@pytest.mark.parametrize(
    ("status", "audio", "options", "code", "message"),
    [
        (400, b"no audio " * 100, {}, "Bad Request", CORRUPT),
        (400, b"", {}, "Bad Request", CORRUPT),
        (400, CLIP[:30], {}, "Bad Request", CORRUPT),
        (400, CLIP, {"diarize": True, "multichannel": True}, "Bad Request", "diarize"),
        (400, CLIP, {"model": "demo-sv"}, "Bad Request", NO_MODEL),
        (400, CLIP, {"language": "en"}, "Bad Request", NO_MODEL),
        (413, LONG, {}, "PAYLOAD_TOO_LARGE", "longer than the 3 s"),
        (413, bytes(2 * 2**20), {}, "PAYLOAD_TOO_LARGE", "over the limit"),
    ],
    ids=[
        "junk", "empty", "truncated", "bad option", "unknown model", "unknown language",
        "too long", "too large",
    ],
)  # fmt: skip
def test_deepgram_client_raises_its_own_error(
    status: int, audio: bytes, options: dict[str, object], code: str, message: str
) -> None:
    kind = BadRequestError if status == 400 else ApiError

    async def run() -> None:
        async with started() as (_, openai_client), deepgram_of(openai_client) as client:
            error = await refused_by_deepgram(client, kind, audio, **options)
            assert error.status_code == status
            assert error.body["err_code"] == code
            assert message in error.body["err_msg"]
            answer = await client.listen.v1.media.transcribe_file(
                request=CLIP, request_options=ONCE
            )
            assert answer.results.channels[0].alternatives[0].transcript == "a"

    asyncio.run(run())


def test_deepgram_client_raises_its_own_errors_for_keys_and_urls() -> None:
    async def run() -> None:
        async with started() as (_, openai_client):
            async with deepgram_of(openai_client, "wrong") as stranger:
                error = await refused_by_deepgram(stranger, ApiError)
                assert (error.status_code, error.body["err_code"]) == (401, "INVALID_AUTH")
            async with deepgram_of(openai_client) as client:
                with pytest.raises(BadRequestError) as refused:
                    await client.listen.v1.media.transcribe_url(
                        url="https://example.org/a.wav", request_options=ONCE
                    )
                assert refused.value.body["err_code"] == "REMOTE_CONTENT_ERROR"

    asyncio.run(run())


def test_busy_and_draining_services_send_retry_after() -> None:
    async def run() -> None:
        async with (
            started(max_queue_seconds=2.0) as (running, client),
            deepgram_of(client) as deepgram,
        ):
            running.model.gate.clear()
            transcribe = client.audio.transcriptions.create
            waiting = asyncio.create_task(transcribe(file=("a.wav", CLIP), model="whisper-1"))
            await wait_for(lambda: running.service.engine.status().queue_audio_seconds > 0)
            full = await refused_by_openai(client, openai.RateLimitError)
            assert (full.type, full.code) == ("rate_limit_error", "rate_limit_exceeded")
            assert int(full.response.headers["retry-after"]) >= 1
            busy = await refused_by_deepgram(deepgram, ApiError)
            assert (busy.status_code, busy.body["err_code"]) == (429, "TOO_MANY_REQUESTS")
            assert busy.headers is not None
            assert int(busy.headers["retry-after"]) >= 1
            running.model.gate.set()
            await waiting
            running.service.begin_drain()
            stopping = await refused_by_openai(client, openai.InternalServerError)
            assert (stopping.status_code, stopping.code) == (503, "draining")
            assert stopping.type == "service_unavailable_error"
            closed = await refused_by_deepgram(deepgram, ApiError)
            assert (closed.status_code, closed.body["err_code"]) == (503, "Service Unavailable")
            running.service.cut_off.set()

    asyncio.run(run())


@pytest.mark.long
def test_unexpected_failures_are_internal_errors_of_each_protocol(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        async with started() as (running, client), deepgram_of(client) as deepgram:
            running.model.failure = RuntimeError("broken")
            failed = await refused_by_openai(client, openai.InternalServerError)
            assert (failed.status_code, failed.type) == (500, "server_error")
            error = await refused_by_deepgram(deepgram, ApiError)
            assert (error.status_code, error.body["err_code"]) == (500, "INTERNAL_SERVER_ERROR")

            def fail(*_: object, **__: object) -> None:
                raise RuntimeError("a bug")

            monkeypatch.setattr(running.service.transcriber, "route", fail)
            bug = await refused_by_openai(client, openai.InternalServerError)
            assert (bug.type, bug.code) == ("server_error", "internal_error")
            assert "a bug" not in bug.message
            error = await refused_by_deepgram(deepgram, ApiError)
            assert error.body["err_code"] == "INTERNAL_SERVER_ERROR"
            assert "a bug" not in json.dumps(error.body)

    asyncio.run(run())
