"""Failures of a server, as both clients raise them: busy, refusing, broken or absent."""

import asyncio
import io
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from scripted_server import Answer, answers, error, scripted_server, transcription

from nordlyd_client import (
    AsyncClient,
    BusyError,
    Client,
    ClientError,
    InvalidRequestError,
    RefusedError,
    Retries,
    ServerFailedError,
    TimedOutError,
    UnauthorisedError,
    UnexpectedAnswerError,
    UnreachableError,
)

AT_ONCE = Retries(attempts=3, first_wait=0.0)
SOUND = bytes(range(256)) * 1000


def called(url: str, audio: Any = SOUND, **options: Any) -> Any:
    with Client(url, retries=AT_ONCE, timeout=10) as client:
        return client.transcribe(audio, **options)


def awaited(url: str, audio: Any = SOUND, **options: Any) -> Any:
    async def run() -> Any:
        async with AsyncClient(url, retries=AT_ONCE, timeout=10) as client:
            return await client.transcribe(audio, **options)

    return asyncio.run(run())


@pytest.fixture(params=[called, awaited])
def transcribe(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Both clients."""
    return request.param


@pytest.mark.parametrize(
    "refusal",
    [
        error(429, retry_after="0"),
        error(503),
        error(503, retry_after=format_datetime(datetime.now(UTC) - timedelta(seconds=5))),
        Answer(None),
    ],
    ids=["busy", "loading", "a date", "a broken connection"],
)
def test_busy_server_is_tried_again_with_the_whole_recording(
    transcribe: Callable[..., Any], refusal: Answer
) -> None:
    with scripted_server(answers(refusal, refusal, transcription("jo"))) as server:
        assert transcribe(server.url).text == "jo"
    assert len(server.requests) == 3
    assert all(SOUND in body for _, body in server.requests)


def test_pipe_is_sent_again_whole(transcribe: Callable[..., Any]) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(SOUND)

    threading.Thread(target=write).start()
    with (
        os.fdopen(reading, "rb", buffering=0) as pipe,
        scripted_server(answers(error(503), transcription())) as server,
    ):
        transcribe(server.url, pipe)
    assert [SOUND in body for _, body in server.requests] == [True, True]


def test_server_that_stays_busy_raises_its_own_error(
    transcribe: Callable[..., Any],
) -> None:
    refusal = error(429, code="queue_full", retry_after="0", x_request_id="r-9")
    with scripted_server(answers(refusal)) as server, pytest.raises(BusyError) as caught:
        transcribe(server.url)
    assert len(server.requests) == AT_ONCE.attempts
    failure = caught.value
    assert (failure.message, failure.type, failure.param, failure.code) == (
        "No.", "some_type", "field", "queue_full",
    )  # fmt: skip
    assert (failure.status, failure.request_id, failure.retry_after) == (429, "r-9", 0.0)
    assert isinstance(failure, ClientError)


def test_retry_after_beyond_longest_wait_is_not_retried(
    transcribe: Callable[..., Any],
) -> None:
    with (
        scripted_server(answers(error(429, retry_after="86400"))) as server,
        pytest.raises(BusyError) as caught,
    ):
        transcribe(server.url)
    assert caught.value.retry_after == 86400
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError), (401, UnauthorisedError), (403, UnauthorisedError),
        (404, RefusedError), (413, RefusedError), (415, RefusedError), (422, RefusedError),
        (500, ServerFailedError), (502, ServerFailedError), (504, TimedOutError),
    ],
)  # fmt: skip
def test_permanent_errors_are_not_retried(
    transcribe: Callable[..., Any], status: int, kind: type[ClientError]
) -> None:
    with scripted_server(answers(error(status))) as server, pytest.raises(kind) as caught:
        transcribe(server.url)
    assert (caught.value.status, caught.value.code) == (status, "some_code")
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", ["<html><h1>Bad   Gateway</h1></html>", '{"error": "x"}', "[1]"])
def test_error_of_a_proxy_is_shown(transcribe: Callable[..., Any], body: str) -> None:
    with (
        scripted_server(answers(Answer(502, body))) as server,
        pytest.raises(ServerFailedError, match="502") as caught,
    ):
        transcribe(server.url)
    assert " ".join(body.split()) in caught.value.message


@pytest.mark.parametrize("body", ["<html>Welcome</html>", "[]", '{"text": "ja"}', "null"])
def test_answer_of_another_server_raises_unexpected_answer(
    transcribe: Callable[..., Any], body: str
) -> None:
    with (
        scripted_server(answers(Answer(200, body, {"x-request-id": "r-3"}))) as server,
        pytest.raises(UnexpectedAnswerError, match="not what Nordlyd sends") as caught,
    ):
        transcribe(server.url)
    assert caught.value.request_id == "r-3"


def test_fields_of_a_newer_server_are_ignored(transcribe: Callable[..., Any]) -> None:
    answer = transcription()
    answer.body = answer.body.replace('"text"', '"mood": "glad", "text"', 1)
    with scripted_server(answers(answer)) as server:
        assert transcribe(server.url).body == answer.body


def test_missing_server_raises_unreachable(transcribe: Callable[..., Any]) -> None:
    with scripted_server(answers(transcription())) as server:
        gone = server.url
    with pytest.raises(UnreachableError, match="cannot be reached") as caught:
        transcribe(gone)
    assert (caught.value.status, caught.value.code) == (0, "unreachable")


def test_silent_server_raises_timed_out() -> None:
    release = threading.Event()

    def silent(number: int, body: bytes) -> Answer:
        release.wait(30)
        return transcription()

    with scripted_server(silent) as server, Client(server.url, timeout=0.2) as client:
        with pytest.raises(TimedOutError):
            client.transcribe(SOUND)
        release.set()
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://", "//host", "http://a:b"])
def test_invalid_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(InvalidRequestError, match="accepted: an address such as"):
        Client(url)


def test_address_and_key_come_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server(answers(transcription())) as server:
        monkeypatch.setenv("NORDLYD_SERVER", server.url)
        monkeypatch.setenv("NORDLYD_API_KEY", "hemmelig")
        with Client() as client:
            assert client.health().state == "ready"
            assert "hemmelig" not in repr(client.__dict__)


def test_missing_recording_raises_oserror(transcribe: Callable[..., Any], tmp_path: Path) -> None:
    with (
        scripted_server(answers(transcription())) as server,
        pytest.raises(FileNotFoundError),
    ):
        transcribe(server.url, tmp_path / "none.wav")
    assert server.requests == []


def test_long_options_go_in_the_form_and_others_in_the_query(
    transcribe: Callable[..., Any],
) -> None:
    with scripted_server(answers(transcription())) as server:
        transcribe(
            server.url, io.BytesIO(SOUND), language="nb", n_best=3, format_text=True, words=None,
            alpha=0.5, hotwords={"Ås": 12.0, "votering": 6.5},
        )  # fmt: skip
    address, body = server.requests[0]
    assert address == "/transcribe?language=nb&n_best=3&format_text=true&alpha=0.5"
    assert "Ås:12, votering:6.5".encode() in body


def test_many_files_are_limited_to_jobs_and_fail_alone(tmp_path: Path) -> None:
    together = threading.Semaphore(0)
    names = [f"{number}.wav" for number in range(7)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())

    def answer(number: int, body: bytes) -> Answer:
        together.release()
        return error(415) if b"3.wav\r\n" in body else transcription()

    taken: list[Path] = []

    def paths() -> Any:
        for name in [*names, "none.wav"]:
            taken.append(tmp_path / name)
            yield tmp_path / name

    with scripted_server(answer) as server, Client(server.url) as client:
        results = client.transcribe_many(paths(), jobs=2)
        first = next(results)
        assert len(taken) == 2
        rest = list(results)
    found = {result.path.name: result for result in [first, *rest]}
    assert set(found) == {*names, "none.wav"}
    failed = {name for name, result in found.items() if result.error is not None}
    assert failed == {"3.wav", "none.wav"}
    assert isinstance(found["3.wav"].error, RefusedError)
    assert found["0.wav"].transcription is not None
    assert found["0.wav"].transcription.words[0].word == "ja"
