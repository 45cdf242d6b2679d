"""Webhooks while the storage is gone: the message is sent later, under the same id."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from event_loops import on_event_loop
from in_process import in_process
from webhook_receiver import SECRET, webhook_receiver

pytestmark = pytest.mark.long


@on_event_loop
async def test_callback_waits_for_storage_that_is_gone(
    tmp_path: Path, clip: Callable[..., bytes]
) -> None:
    with webhook_receiver() as receiver:
        receiver.statuses["/done"] = [503, 200]
        settings: dict[str, Any] = {
            "data": tmp_path, "url_hosts": receiver.rule, "webhook_secret": SECRET,
        }  # fmt: skip
        async with in_process(**settings) as running:
            await running.until("ready")
            answer = await running.client.post(
                "/v1/listen", content=clip(), params={"callback": receiver.url("/done")}
            )
            assert answer.status_code == 200, answer.text
            [job] = (await running.client.get("/jobs")).json()["jobs"]

            async def attempted(state: str, attempts: int) -> dict[str, Any]:
                while True:
                    url = f"/jobs/{job['id']}/webhooks"
                    found = (await running.client.get(url)).json()["deliveries"]
                    if found and (found[0]["state"], found[0]["attempts"]) == (state, attempts):
                        return dict(found[0])
                    await asyncio.sleep(0.05)

            async with asyncio.timeout(60):
                first = await attempted("pending", 1)
                assert first["last_status"] == 503
                kept, away = tmp_path / "jobs", tmp_path / "away"
                kept.rename(away)
                kept.write_text("no folder")
                await running.client.post(f"/jobs/{job['id']}/webhooks")
                waiting = await attempted("pending", 1)
                while "storage of jobs cannot be used" not in (waiting["last_error"] or ""):
                    waiting = await attempted("pending", 1)
                kept.unlink()
                away.rename(kept)
                await running.client.post(f"/jobs/{job['id']}/webhooks")
                await attempted("delivered", 1)
        before, after = receiver.wait("/done", 2)
        assert before.id == after.id
        assert before.content == after.content
