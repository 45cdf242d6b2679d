"""Jobs through the Python client, called and awaited, on a real server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from demo_model import DEMO, sample_texts
from running import RunningServer

from nordlyd_client import AsyncClient, Client, RefusedError, Retries, TimedOutError

SAMPLES = sorted((DEMO / "samples").glob("*.flac"))
QUICK = Retries(attempts=3, first_wait=0.05)


@pytest.fixture(params=[False, True], ids=["called", "awaited"])
def awaiting(request: pytest.FixtureRequest) -> bool:
    """Which client."""
    return bool(request.param)


def call(awaiting: bool, server: str, method: str, /, *arguments: Any, **options: Any) -> Any:
    """Calls a method of the jobs of one of the clients; events come as a list."""
    if not awaiting:
        with Client(server, retries=QUICK) as client:
            answer = getattr(client.jobs, method)(*arguments, **options)
            return list(answer) if isinstance(answer, Iterator) else answer

    async def run() -> Any:
        async with AsyncClient(server, retries=QUICK) as client:
            answer = getattr(client.jobs, method)(*arguments, **options)
            if isinstance(answer, AsyncIterator):
                return [item async for item in answer]
            return await answer

    return asyncio.run(run())


def test_job_is_submitted_waited_for_fetched_and_deleted(
    demos: RunningServer, awaiting: bool
) -> None:
    def jobs(method: str, /, *arguments: Any, **options: Any) -> Any:
        return call(awaiting, demos.address, method, *arguments, **options)

    submitted = jobs(
        "submit", SAMPLES[0], language="nb", metadata={"case": "2026/118 Å"}, expires_in=3600
    )
    assert submitted.metadata == {"case": "2026/118 Å"}
    ended = jobs("wait", submitted.id, timeout=60)
    assert (ended.status, ended.progress, ended.model) == ("completed", 1, "demo-nb")
    assert jobs("get", submitted.id).expires_at is not None
    assert submitted.id in {job.id for job in jobs("list", status="completed").jobs}
    assert jobs("result", submitted.id).text == sample_texts()[0]
    subtitles = jobs("result", submitted.id, response_format="srt")
    assert subtitles.startswith("1\n00:00:0")
    stamped = jobs("result", submitted.id, response_format="text", times=True)
    assert stamped == f"[00:00:00] {sample_texts()[0]}\n"
    assert jobs("result", submitted.id, response_format="stl").startswith(b"850STL25.01")
    assert jobs("correct", submitted.id, "en rettelse").corrected_at > ended.completed_at
    corrected = jobs("result", submitted.id)
    assert corrected.text == "en rettelse"
    assert jobs("correct", submitted.id, corrected, training=False).training is False
    assert jobs("result", submitted.id).words == corrected.words
    events = jobs("events", submitted.id)
    assert [event.job.status for event in events if event.event == "status"] == [
        "queued", "processing", "completed",
    ]  # fmt: skip
    jobs("delete", submitted.id)
    with pytest.raises(RefusedError) as refused:
        jobs("get", submitted.id)
    assert (refused.value.status, refused.value.code) == (404, "job_not_found")


def test_text_makes_an_alignment(demos: RunningServer, awaiting: bool) -> None:
    text = sample_texts()[0]
    job = call(awaiting, demos.address, "submit", SAMPLES[0], text=text, language="nb")
    assert call(awaiting, demos.address, "wait", job.id, timeout=60).status == "completed"
    result = call(awaiting, demos.address, "result", job.id)
    assert [word.word for word in result.words] == text.split()
    call(awaiting, demos.address, "delete", job.id)


def test_same_idempotency_key_makes_one_job(demos: RunningServer, awaiting: bool) -> None:
    key = f"key-{awaiting}"
    jobs = [
        call(awaiting, demos.address, "submit", SAMPLES[0], idempotency_key=key) for _ in range(2)
    ]
    assert jobs[0].id == jobs[1].id
    other = call(awaiting, demos.address, "submit", SAMPLES[0])
    assert other.id != jobs[0].id
    for job_id in (jobs[0].id, other.id):
        call(awaiting, demos.address, "delete", job_id)


def test_failed_job_has_the_error_of_its_recording(demos: RunningServer, awaiting: bool) -> None:
    job = call(awaiting, demos.address, "submit", b"this is no recording " * 100)
    ended = call(awaiting, demos.address, "wait", job.id, timeout=60)
    assert (ended.status, ended.error.code) == ("failed", "unsupported_audio")
    with pytest.raises(RefusedError) as refused:
        call(awaiting, demos.address, "result", job.id)
    assert refused.value.code == "unsupported_audio"
    call(awaiting, demos.address, "delete", job.id)


def test_waiting_ends_after_the_timeout(demos: RunningServer, awaiting: bool) -> None:
    long = SAMPLES[0].read_bytes()
    job = call(awaiting, demos.address, "submit", long)
    with pytest.raises(TimedOutError, match=job.id):
        call(awaiting, demos.address, "wait", job.id, timeout=0.001)
    call(awaiting, demos.address, "delete", job.id)
