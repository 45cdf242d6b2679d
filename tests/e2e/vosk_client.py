"""A client of vosk's port, as vosk-server's own samples write it."""

import json

import numpy as np
import soundfile
import soxr
from demo_model import DEMO, sample_texts
from websockets.sync.client import ClientConnection

EOF = '{"eof" : 1}'
RESET = '{"reset" : 1}'
TEXTS = sample_texts()


def speech(number: int = 0, rate: int = 16_000, folder: str = "demo-nb") -> np.ndarray:
    """A sample as 16-bit PCM at some rate."""
    file = DEMO.parent / folder / "samples" / f"sample-{number + 1}.flac"
    samples, own = soundfile.read(file)
    resampled = soxr.resample(samples, own, rate)
    return (np.clip(resampled, -1, 1) * 32767).astype("<i2")


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def talk(
    connection: ClientConnection, messages: list[bytes | str], *, waiting: bool = True
) -> list[str]:
    """Sends messages; returns every reply until the server closes, which it must do properly."""
    replies: list[str] = []
    for message in messages:
        connection.send(message)
        if waiting and (isinstance(message, bytes) or "config" not in message):
            replies.append(connection.recv(60))
    replies += connection
    assert connection.close_code == 1000
    return replies


def text_of(replies: list[str]) -> str:
    """The text of all final results."""
    results = [json.loads(reply) for reply in replies]
    return " ".join(result["text"] for result in results if result.get("text"))
