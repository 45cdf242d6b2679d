"""The service with a scripted model as a process of its own, which starts fast and may be killed.

Run as `python scripted_jobs.py SETTINGS`, the settings as JSON; prints its port once it serves.
"""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "api")]

from in_process import ScriptedModel, in_process  # noqa: E402

from app import tracing  # noqa: E402
from app.logging import configure_logging  # noqa: E402

BATCH_SECONDS = 0.05


class SlowModel(ScriptedModel):
    """Takes a while for each batch."""

    pace = 0.0

    def encode(self, windows: Sequence[np.ndarray]) -> list[np.ndarray]:
        time.sleep(self.pace)
        return super().encode(windows)


async def serve(settings: dict[str, Any]) -> None:
    """Serve until the process is killed; `pace` is how long a batch takes."""
    tracing.start()
    model = SlowModel()
    pace = settings.pop("pace", BATCH_SECONDS)
    async with in_process(model=model, **settings) as running:
        await running.until("ready")
        model.pace = pace
        server = uvicorn.Server(uvicorn.Config(running.app, lifespan="off", log_config=None))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            print(listener.getsockname()[1], flush=True)
            await server.serve([listener])


if __name__ == "__main__":
    configure_logging(log_format="json")
    asyncio.run(serve(json.loads(sys.argv[1])))
