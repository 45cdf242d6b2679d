"""The service of `in_process` on a real uvicorn, and OpenAI's own client of it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from in_process import InProcess, in_process
from openai import AsyncOpenAI


@asynccontextmanager
async def serving(**settings: object) -> AsyncIterator[tuple[InProcess, AsyncOpenAI]]:
    """The service on a socket of loopback, and a client that retries twice."""
    async with in_process(**settings) as running:  # type: ignore[arg-type]
        await running.until("ready")
        config = uvicorn.Config(running.app, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            task = asyncio.create_task(server.serve([listener]))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
            try:
                async with AsyncOpenAI(base_url=url, api_key="any", max_retries=2) as client:
                    yield running, client
            finally:
                running.model.gate.set()
                server.should_exit = True
                await task
