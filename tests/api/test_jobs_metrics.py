"""The metrics of jobs and webhooks, as a scrape reads them, while jobs pass through a service."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from event_loops import on_event_loop
from in_process import InProcess, in_process
from prometheus_client.parser import text_string_to_metric_families
from webhook_receiver import SECRET, webhook_receiver

Clip = Callable[..., bytes]


async def scrape(running: InProcess) -> dict[str, float]:
    """The samples of jobs and webhooks; those with a label as `name:value`."""
    answer = await running.client.get("/metrics")
    assert answer.status_code == 200
    return {
        ":".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if re.search("job|webhook", sample.name) and not sample.name.endswith("_created")
    }


async def scrape_until(running: InProcess, expected: dict[str, float]) -> dict[str, float]:
    """Scrapes until the samples have these values."""
    samples: dict[str, float] = {}
    try:
        async with asyncio.timeout(20):
            while not expected.items() <= (samples := await scrape(running)).items():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"expected {expected}, not {samples}")
    return samples


async def submit(running: InProcess, audio: bytes, **parameters: str) -> str:
    answer = await running.client.post("/jobs", content=audio, params=parameters)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


@on_event_loop
async def test_service_without_jobs_exposes_their_metrics_at_zero(tmp_path: Path) -> None:
    async with in_process(data=tmp_path) as running:
        samples = await scrape(running)
    assert {
        "nordlyd_jobs:queued",
        "nordlyd_jobs_ended_total:failed",
        "nordlyd_job_seconds_count",
        "nordlyd_oldest_queued_job_seconds",
        "nordlyd_webhook_attempts_total:delivered",
    } <= samples.keys()
    assert set(samples.values()) == {0}


@pytest.mark.long
@on_event_loop
async def test_ended_jobs_and_webhook_attempts_are_counted(clip: Clip, tmp_path: Path) -> None:
    with webhook_receiver() as receiver:
        receiver.statuses = {"/busy": [503], "/gone": [410]}
        given = {"data": tmp_path, "url_hosts": receiver.rule, "webhook_secret": SECRET}
        async with in_process(**given) as running:
            await running.until("ready")
            for path in ("/done", "/busy", "/gone"):
                await submit(running, clip(), webhook_url=receiver.url(path))
            await submit(running, b"no recording")
            samples = await scrape_until(
                running,
                {
                    "nordlyd_jobs_ended_total:completed": 3,
                    "nordlyd_jobs_ended_total:failed": 1,
                    "nordlyd_jobs_ended_total:cancelled": 0,
                    "nordlyd_webhook_attempts_total:delivered": 1,
                    "nordlyd_webhook_attempts_total:pending": 1,
                    "nordlyd_webhook_attempts_total:failed": 1,
                },
            )
            assert samples["nordlyd_job_seconds_count"] == 4
            assert 0 < samples["nordlyd_job_seconds_sum"] < 60


@pytest.mark.long
@on_event_loop
async def test_jobs_are_shown_by_status_and_survive_a_restart(clip: Clip, tmp_path: Path) -> None:
    async with in_process(data=tmp_path) as running:
        await running.until("ready")
        running.model.gate.clear()
        # One API key has two jobs worked on at once; the third waits.
        jobs = [await submit(running, clip()) for _ in range(3)]
        samples = await scrape_until(
            running, {"nordlyd_jobs:processing": 2, "nordlyd_jobs:queued": 1}
        )
        assert 0 < samples["nordlyd_oldest_queued_job_seconds"] < 60
        assert (await running.client.delete(f"/jobs/{jobs[2]}")).status_code == 204
        samples = await scrape_until(
            running, {"nordlyd_jobs:queued": 0, "nordlyd_oldest_queued_job_seconds": 0}
        )
        assert samples["nordlyd_jobs_ended_total:cancelled"] == 1
        # Being cancelled is not the service's work.
        assert samples["nordlyd_job_seconds_count"] == 0
        running.model.gate.set()
        await scrape_until(running, {"nordlyd_jobs:completed": 2, "nordlyd_jobs:processing": 0})
    async with in_process(data=tmp_path) as restarted:
        await scrape_until(restarted, {"nordlyd_jobs:completed": 2})
