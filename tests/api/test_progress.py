"""GET /progress/{id} before, during and after a request."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
from in_process import InProcess, ScriptedModel, in_process

ID = "mine/0"
NOT_RUNNING = {"running": False, "done": 0, "windows": 0}


class OneAtATime(ScriptedModel):
    """Encodes a batch each time it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Semaphore(1000)

    def encode(self, windows: Sequence[np.ndarray]) -> list[np.ndarray]:
        assert self.let.acquire(timeout=20)
        return super().encode(windows)


async def progress(running: InProcess) -> dict[str, int]:
    return (await running.client.get(f"/progress/{ID}")).json()  # type: ignore[no-any-return]


async def until_done(running: InProcess, windows: int) -> dict[str, int]:
    async with asyncio.timeout(20):
        while (now := await progress(running))["done"] < windows:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return now


def test_progress_counts_windows_while_a_request_runs(clip) -> None:
    async def run() -> None:
        model = OneAtATime()
        async with in_process(model=model, window_seconds=6.0, batch_seconds=6.0) as running:
            await running.until("ready")
            model.let = threading.Semaphore(0)
            assert await progress(running) == NOT_RUNNING
            sent = asyncio.create_task(
                running.client.post(
                    "/transcribe", content=clip(seconds=15.0), headers={"x-request-id": ID}
                )
            )
            for windows in (1, 2):
                model.let.release()
                now = await until_done(running, windows)
                assert (now["running"], now["done"]) == (True, windows)
                assert now["windows"] > 2
            model.let.release(100)
            assert (await sent).status_code == 200
            assert await progress(running) == NOT_RUNNING

    asyncio.run(run())
