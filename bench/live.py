"""Speaks recordings over a WebSocket in real time, and measures when their words were stable."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jiwer
import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from app.audio import SAMPLE_RATE, Samples
from bench.alignment import Times


@dataclass(frozen=True, slots=True)
class Spoken:
    """The result of one stream.

    Attributes:
        text: of all final results.
        stable: of each word of it, seconds from the first sample until it was stable.
        lag: seconds from the last sample until the server sent nothing more.
    """

    text: str
    stable: tuple[float, ...]
    lag: float

    def latencies(self, words: Times) -> list[float]:
        """Seconds from the end of each word, where it was recognised, until it was stable."""
        if not self.text or not words:
            return []
        reference = " ".join(word for word, _, _ in words)
        return [
            self.stable[chunk.hyp_start_idx + offset] - words[chunk.ref_start_idx + offset][2]
            for chunk in jiwer.process_words(reference, self.text).alignments[0]
            if chunk.type == "equal"
            for offset in range(chunk.ref_end_idx - chunk.ref_start_idx)
        ]


async def speak(port: int, samples: Samples, *, chunk_seconds: float) -> Spoken:
    """Sends speech in real time, each piece once it would have been recorded, and listens.

    Args:
        port: of the service on loopback.
        samples: float32 [samples] at 16 kHz.
        chunk_seconds: length of a piece.

    Raises:
        RuntimeError: the server sent an error.
    """
    data = (np.clip(samples, -1, 1) * (2**15 - 1)).astype("<i2").tobytes()
    size = 2 * round(chunk_seconds * SAMPLE_RATE)
    async with connect(f"ws://127.0.0.1:{port}/stream", compression=None) as socket:
        await socket.recv()  # ready
        started = time.perf_counter()

        async def talk() -> float:
            for start in range(0, len(data), size):
                piece = data[start : start + size]
                recorded = (start + len(piece)) / 2 / SAMPLE_RATE
                await asyncio.sleep(started + recorded - time.perf_counter())
                await socket.send(piece)
            await socket.send(json.dumps({"type": "end"}))
            return time.perf_counter()

        talking = asyncio.create_task(talk())
        try:
            text, stable, ended = await _listen(socket, started)
            return Spoken(text, stable, ended - await talking)
        finally:
            talking.cancel()


async def _listen(socket: ClientConnection, started: float) -> tuple[str, tuple[float, ...], float]:
    emitted: dict[tuple[int, int], float] = {}
    finals: dict[int, Sequence[str]] = {}
    async for message in socket:
        event: dict[str, Any] = json.loads(message)
        now = time.perf_counter() - started
        match event["type"]:
            case "partial":
                for index in range(len(event["stable"].split())):
                    emitted.setdefault((event["utterance"], index), now)
            case "final":
                words = event["text"].split()
                finals[event["utterance"]] = words
                for index in range(len(words)):
                    emitted.setdefault((event["utterance"], index), now)
            case "error":
                raise RuntimeError(f"the stream was refused: {event['error']['message']}")
    text = " ".join(word for utterance in sorted(finals) for word in finals[utterance])
    return text, tuple(emitted[key] for key in sorted(emitted)), time.perf_counter()
