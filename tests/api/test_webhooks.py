"""Webhooks of a service in this process, sent to real receivers that verify them."""

import asyncio
import json
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from event_loops import on_event_loop
from in_process import InProcess, in_process
from webhook_receiver import HANG, SECRET, Receiver, webhook_receiver

Clip = Callable[..., bytes]

pytestmark = pytest.mark.long


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as running:
        yield running


@asynccontextmanager
async def running_service(
    receiver: Receiver, data: Path, **settings: object
) -> AsyncIterator[InProcess]:
    given = {"data": data, "url_hosts": receiver.rule, "webhook_secret": SECRET, **settings}
    async with in_process(**given) as running:  # type: ignore[arg-type]
        await running.until("ready")
        yield running


async def submit(running: InProcess, audio: bytes, url: str) -> str:
    answer = await running.client.post("/jobs", content=audio, params={"webhook_url": url})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def delivery(running: InProcess, job: str) -> dict[str, Any]:
    """The delivery of a job, or {} before there is one."""
    answer = await running.client.get(f"/jobs/{job}/webhooks")
    assert answer.status_code == 200, answer.text
    found = answer.json()["deliveries"]
    return found[0] if found else {}


async def delivery_when(
    running: InProcess, job: str, condition: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while not (found := await delivery(running, job)) or not condition(found):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


def attempted(found: dict[str, Any]) -> bool:
    return int(found["attempts"]) > 0


def kept(data: Path, text: str) -> list[str]:
    """The files of a folder that contain a text."""
    return [
        str(file)
        for file in data.rglob("*")
        if file.is_file() and file.name != "audit.jsonl" and text.encode() in file.read_bytes()
    ]


def audit_log(data: Path) -> list[tuple[str, str]]:
    lines = map(json.loads, (data / "audit.jsonl").read_text().splitlines())
    return [(line["action"], line["job"]) for line in lines]


@on_event_loop
async def test_completed_job_is_announced_and_signed(
    receiver: Receiver, clip: Clip, tmp_path: Path
) -> None:
    async with running_service(receiver, tmp_path) as running:
        job = await submit(running, clip(), receiver.url("/done"))
        found = await delivery_when(running, job, attempted)
        assert (found["state"], found["last_status"], found["next_attempt_at"]) == (
            "delivered", 200, None,
        )  # fmt: skip
        assert found["url"] == receiver.url("/done")
    (received,) = receiver.wait("/done")
    assert received.method == "POST"
    assert received.id == found["id"]
    assert received.headers["content-type"] == "application/json"
    timestamp = received.content.pop("timestamp")
    assert timestamp.endswith("+00:00")
    assert received.content == {
        "type": "job.completed", "data": {"id": job, "status": "completed"},
    }  # fmt: skip
    assert ("webhook_delivered", job) in audit_log(tmp_path)


@on_event_loop
async def test_failed_job_is_announced(receiver: Receiver, tmp_path: Path) -> None:
    async with running_service(receiver, tmp_path) as running:
        job = await submit(running, b"no recording", receiver.url("/done"))
        await delivery_when(running, job, attempted)
    (received,) = receiver.wait("/done")
    assert received.content["type"] == "job.failed"
    assert received.content["data"] == {"id": job, "status": "failed"}


@on_event_loop
async def test_receiver_that_fails_gets_the_same_message_again(
    receiver: Receiver, clip: Clip, tmp_path: Path
) -> None:
    receiver.statuses["/flaky"] = [500, 200]
    async with running_service(receiver, tmp_path) as running:
        job = await submit(running, clip(), receiver.url("/flaky"))
        found = await delivery_when(running, job, attempted)
        assert (found["state"], found["attempts"], found["last_status"]) == ("pending", 1, 500)
        assert found["next_attempt_at"] > found["created_at"]
        found = await delivery_when(running, job, lambda now: now["state"] == "delivered")
        assert (found["attempts"], found["last_status"], found["last_error"]) == (2, 200, None)
    first, second = receiver.wait("/flaky", 2)
    assert first.id == second.id
    assert first.content == second.content


@pytest.mark.parametrize("status", [302, 308, 404, 410])
@on_event_loop
async def test_redirect_or_refusal_ends_the_delivery(
    receiver: Receiver, clip: Clip, tmp_path: Path, status: int
) -> None:
    receiver.statuses["/gone"] = [status]
    receiver.headers["location"] = receiver.url("/elsewhere")
    async with running_service(receiver, tmp_path) as running:
        job = await submit(running, clip(), receiver.url("/gone"))
        found = await delivery_when(running, job, attempted)
        assert (found["state"], found["last_status"]) == ("failed", status)
        assert str(status) in found["last_error"]
        assert (await running.client.get(f"/jobs/{job}/result")).json()["text"] == "a"
    assert receiver.at("/elsewhere") == []
    assert ("webhook_failed", job) in audit_log(tmp_path)


@on_event_loop
async def test_retry_after_of_the_receiver_is_honoured(
    receiver: Receiver, clip: Clip, tmp_path: Path
) -> None:
    receiver.statuses["/busy"] = [429]
    receiver.headers["retry-after"] = "3600"
    async with running_service(receiver, tmp_path) as running:
        job = await submit(running, clip(), receiver.url("/busy"))
        found = await delivery_when(running, job, attempted)
        assert found["state"] == "pending"
        minutes = _minutes(found["created_at"], found["next_attempt_at"])
        assert minutes == pytest.approx(60, abs=1)


@on_event_loop
async def test_repeated_webhook_is_sent_again_with_its_id(
    receiver: Receiver, clip: Clip, tmp_path: Path
) -> None:
    receiver.statuses["/gone"] = [410, 200]
    async with running_service(receiver, tmp_path) as running:
        job = await submit(running, clip(), receiver.url("/gone"))
        await delivery_when(running, job, lambda now: now["state"] == "failed")
        again = await running.client.post(f"/jobs/{job}/webhooks")
        assert again.status_code == 202
        assert again.json()["deliveries"][0]["state"] == "pending"
        await delivery_when(running, job, lambda now: now["state"] == "delivered")
        assert (await running.client.post(f"/jobs/{job}/webhooks")).status_code == 202
        first, *others = await asyncio.to_thread(receiver.wait, "/gone", 3)
        assert {each.id for each in others} == {first.id}
    assert ("webhook_repeated", job) in audit_log(tmp_path)


@on_event_loop
async def test_job_without_a_webhook_or_an_end_has_none_to_repeat(
    receiver: Receiver, clip: Clip, tmp_path: Path
) -> None:
    async with running_service(receiver, tmp_path) as running:
        plain = (await running.client.post("/jobs", content=clip())).json()["id"]
        assert await delivery(running, plain) == {}
        refused = await running.client.post(f"/jobs/{plain}/webhooks")
        assert refused.status_code == 400
        assert "webhook_url" in refused.json()["error"]["message"]
        running.model.gate.clear()
        waiting = await submit(running, clip(1), receiver.url("/done"))
        assert await delivery(running, waiting) == {}
        assert (await running.client.post(f"/jobs/{waiting}/webhooks")).status_code == 409
        running.model.gate.set()
        unknown = await running.client.get(f"/jobs/job_{32 * '0'}/webhooks")
        assert unknown.status_code == 404


@on_event_loop
async def test_host_that_is_not_allowed_any_more_gets_nothing(
    receiver: Receiver, clip: Clip, tmp_path: Path
) -> None:
    receiver.statuses["/done"] = [503]
    async with running_service(receiver, tmp_path) as running:
        job = await submit(running, clip(), receiver.url("/done"))
        await delivery_when(running, job, attempted)
    received = len(receiver.at("/done"))
    async with running_service(receiver, tmp_path, url_hosts="archive.example.org") as running:
        await running.client.post(f"/jobs/{job}/webhooks")
        found = await delivery_when(running, job, attempted)
        assert found["state"] == "pending"
        assert "NORDLYD_URL_HOSTS" in found["last_error"]
    assert len(receiver.at("/done")) == received


@on_event_loop
async def test_deleted_job_is_not_announced_any_more(
    receiver: Receiver, clip: Clip, tmp_path: Path
) -> None:
    receiver.statuses["/done"] = [503]
    async with running_service(receiver, tmp_path) as running:
        job = await submit(running, clip(), receiver.url("/done"))
        message = (await delivery_when(running, job, attempted))["id"]
        assert (await running.client.delete(f"/jobs/{job}")).status_code == 204
        assert kept(tmp_path, message) == []
        assert (await running.client.get(f"/jobs/{job}/webhooks")).status_code == 404


@on_event_loop
async def test_callback_of_deepgram_has_the_transcript_and_counts_as_fetched_once_delivered(
    receiver: Receiver, clip: Clip, tmp_path: Path
) -> None:
    receiver.statuses["/listen"] = [410, 200]
    async with running_service(receiver, tmp_path, keep_results="until-fetched") as running:
        accepted = await running.client.post(
            "/v1/listen",
            params={"callback": receiver.url("/listen"), "callback_method": "PUT"},
            content=clip(),
        )
        assert accepted.status_code == 200, accepted.text
        job = accepted.headers["location"].rpartition("/")[2]
        await delivery_when(running, job, lambda now: now["state"] == "failed")
        assert (await running.client.get(f"/jobs/{job}")).json()["expires_at"] is None
        await running.client.post(f"/jobs/{job}/webhooks")
        await delivery_when(running, job, lambda now: now["state"] == "delivered")
        async with asyncio.timeout(20):
            while (await running.client.get(f"/jobs/{job}")).json()["expires_at"] is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    received = receiver.wait("/listen", 2)[-1]
    assert received.method == "PUT"
    assert received.headers["dg-request-id"] == accepted.json()["request_id"]
    alternative = received.content["results"]["channels"][0]["alternatives"][0]
    assert alternative["transcript"] == "a"
    assert received.content["metadata"]["request_id"] == accepted.json()["request_id"]
    # The attempt that failed was no fetch.
    assert [action for action, _ in audit_log(tmp_path)].count("fetched") == 1


@on_event_loop
async def test_webhook_of_assemblyai_has_its_form_and_header(
    receiver: Receiver, clip: Clip, tmp_path: Path
) -> None:
    async with running_service(receiver, tmp_path) as running:
        uploaded = await running.client.post("/v2/upload", content=clip())
        made = await running.client.post(
            "/v2/transcript",
            json={
                "audio_url": uploaded.json()["upload_url"],
                "webhook_url": receiver.url("/transcript"),
                "webhook_auth_header_name": "Webhook-Signature",
                "webhook_auth_header_value": "forged",
            },
        )
        assert made.status_code == 200, made.text
        await delivery_when(running, made.json()["id"], lambda now: now["state"] == "delivered")
    # It was verified: a header of a request does not replace the signature.
    (received,) = receiver.wait("/transcript")
    assert received.content == {"transcript_id": made.json()["id"], "status": "completed"}


@on_event_loop
async def test_receiver_that_hangs_delays_no_other(
    receiver: Receiver, clip: Clip, tmp_path: Path
) -> None:
    with webhook_receiver() as hanging:
        hanging.statuses["/hang"] = [HANG]
        hosts = f"{receiver.rule},{hanging.rule}"
        async with running_service(receiver, tmp_path, url_hosts=hosts) as running:
            held = [await submit(running, clip(), hanging.url("/hang")) for _ in range(8)]
            # As many as may be sent to one target at once.
            await asyncio.to_thread(hanging.wait, "/hang", 4)
            began = time.monotonic()
            await submit(running, clip(), receiver.url("/done"))
            await asyncio.to_thread(receiver.wait, "/done")
            assert time.monotonic() - began < 9, "it waited for the receiver that hangs"
            assert len(hanging.at("/hang")) == 4
            found = await delivery_when(running, held[0], attempted)
            assert (found["state"], found["last_status"]) == ("pending", None)
            assert "10 s" in found["last_error"]


@on_event_loop
async def test_secret_is_made_once_and_only_its_owner_can_read_it(
    clip: Clip, tmp_path: Path
) -> None:
    file = tmp_path / "webhook-secret"
    with webhook_receiver(lambda: file.read_text().strip()) as receiver:
        for number in range(2):
            async with running_service(receiver, tmp_path, webhook_secret=None) as running:
                await submit(running, clip(number), receiver.url("/done"))
                await asyncio.to_thread(receiver.wait, "/done", number + 1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # Nothing temporary is left.
    assert kept(tmp_path, file.read_text().strip()) == [str(file)]


def _minutes(before: str, after: str) -> float:
    span = datetime.fromisoformat(after) - datetime.fromisoformat(before)
    return span.total_seconds() / 60
