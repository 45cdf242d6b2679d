"""The service with a scripted model in processes of their own, which may be killed.

Run as `python scripted_jobs.py DESCRIPTOR`, the descriptor of a socket. Processes are forked from
one that has imported everything, so that starting one takes a fraction of a second. On the socket
each gets its settings as JSON, and the descriptors of its standard output and error; a number kills
the process that has it.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "api")]

from hosts import enter  # noqa: E402
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
    """Serve until the process is killed.

    `pace` is how long a batch takes, `variables` are added to the environment.
    """
    os.environ.update(settings.pop("variables", {}))
    tracing.start()
    model = SlowModel()
    address = settings.pop("address")
    pace = settings.pop("pace", BATCH_SECONDS)
    async with in_process(model=model, **settings) as running:
        await running.until("ready")
        model.pace = pace
        server = uvicorn.Server(uvicorn.Config(running.app, lifespan="off", log_config=None))
        with socket.create_server((address, 0)) as listener:
            print(listener.getsockname()[1], flush=True)
            await server.serve([listener])


def start(settings: dict[str, Any], descriptors: list[int]) -> int:
    """Start a service that prints its port once it serves; returns its process id."""
    if child := os.fork():
        return child
    for number, descriptor in enumerate(descriptors, 1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    try:
        if namespace := settings.pop("namespace"):
            enter(namespace)
        configure_logging(log_format="json")
        asyncio.run(serve(settings))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def main(control: socket.socket) -> None:
    """Start and kill services until the other end of the socket is closed; kills those left."""
    running: set[int] = set()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 2)
        if not message:
            break
        wanted = json.loads(message)
        if isinstance(wanted, int):
            kill(wanted)
            running.discard(wanted)
            control.send(b"killed")
        else:
            running.add(child := start(wanted, descriptors))
            control.send(str(child).encode())
        for descriptor in descriptors:
            os.close(descriptor)
    for child in running:
        kill(child)


def kill(child: int) -> None:
    """End a service as a power cut would."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
