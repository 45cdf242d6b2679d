"""A transcription session of OpenAI's Realtime client, and the demo's sentences to send."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import soundfile
import soxr
from demo_model import DEMO
from openai import AsyncOpenAI
from running import RunningServer

TRANSCRIPTION = "conversation.item.input_audio_transcription"


def samples(number: int, rate: int) -> np.ndarray:
    """One of the demo's sentences, float32."""
    speech, own = soundfile.read(DEMO / "samples" / f"sample-{number}.flac", dtype="float32")
    return soxr.resample(speech, own, rate)


def pcm(*numbers: int, rate: int = 24_000, pause: float = 1.0) -> bytes:
    """Sentences, each with a pause after it, as 16-bit samples."""
    silence = np.zeros(round(rate * pause), np.float32)
    parts = [part for number in numbers for part in (samples(number, rate), silence)]
    return (np.clip(np.concatenate(parts), -1, 1) * 32_767).astype("<i2").tobytes()


class Session:
    """One connection, and every event it received."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.events: list[Any] = []

    async def send(self, data: bytes, chunk: int = 9_600) -> None:
        for start in range(0, len(data), chunk):
            audio = base64.b64encode(data[start : start + chunk]).decode()
            await self.connection.input_audio_buffer.append(audio=audio)

    async def until(self, kind: str, times: int = 1) -> Any:
        """Reads events up to the one of that kind, which is returned."""
        async with asyncio.timeout(60):
            while times:
                self.events.append(await self.connection.recv())
                times -= self.events[-1].type == kind
        return self.events[-1]

    async def set(self, *, include: list[str] | None = None, **audio: Any) -> Any:
        session: dict[str, Any] = {"type": "transcription", "audio": {"input": audio}}
        if include:
            session["include"] = include
        await self.connection.session.update(session=session)
        return (await self.until("session.updated")).session

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.events if event.type == kind]

    def deltas(self, item: str) -> str:
        return "".join(
            event.delta for event in self.of(f"{TRANSCRIPTION}.delta") if event.item_id == item
        )


@asynccontextmanager
async def talking(server: RunningServer, **query: str) -> AsyncIterator[Session]:
    url = f"{server.address}/v1"
    extra = {"intent": "transcription", **query}
    async with (
        AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client,
        client.realtime.connect(extra_query=extra) as connection,
    ):
        talk = Session(connection)
        await talk.until("session.created")
        yield talk
