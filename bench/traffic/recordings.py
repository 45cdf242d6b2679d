"""Recordings and live audio as good clients send them, on our own and on compatible routes."""

import asyncio
import json
from collections.abc import Iterator

from websockets.asyncio.client import connect

from bench.traffic.site import BUSY, HOST, OK, Site, UnexpectedError

_SERVED = (OK, BUSY)
_FORMATS = ("json", "text", "srt", "vtt", "tsv", "textgrid", "eaf", "ctm")
_PIECE_BYTES = 3_200
_SPEED = 2.0
_PIECE_SECONDS = _PIECE_BYTES / 2 / 16_000 / _SPEED


async def clip(site: Site) -> int:
    """A short recording, in any format of answer."""
    wanted = site.chance.choice(_FORMATS)
    answer = await site.request(
        "POST", "/transcribe", _SERVED, content=site.clip(), params={"response_format": wanted}
    )
    if answer.status_code == OK and not answer.content:
        raise UnexpectedError(f"an empty {wanted}", OK)
    return answer.status_code


async def long(site: Site) -> int:
    """A recording of minutes."""
    answer = await site.request("POST", "/transcribe", _SERVED, content=site.long)
    return answer.status_code


async def align(site: Site) -> int:
    """A text aligned with a short recording."""
    answer = await site.request(
        "POST",
        "/align",
        _SERVED,
        files={"file": site.clip()},
        data={"text": "og regn i hele landet"},
    )
    return answer.status_code


async def openai(site: Site) -> int:
    """A transcription of OpenAI's API, streamed half of the times."""
    streamed = site.chance.choice((True, False))
    answer = await site.request(
        "POST",
        "/v1/audio/transcriptions",
        _SERVED,
        files={"file": ("speech.flac", site.clip())},
        data={"model": "whisper-1", "stream": str(streamed).lower()},
    )
    if answer.status_code == OK and streamed and "transcript.text.done" not in answer.text:
        raise UnexpectedError(f"a stream without its end: {answer.text[-300:]}", OK)
    return answer.status_code


async def deepgram(site: Site) -> int:
    """A recording as Deepgram's clients send it."""
    answer = await site.request(
        "POST",
        "/v1/listen",
        _SERVED,
        content=site.clip(),
        params={"smart_format": "true"},
        headers={"authorization": f"Token {site.key}", "content-type": "audio/flac"},
    )
    if answer.status_code == OK and "results" not in answer.json():
        raise UnexpectedError(f"no results: {answer.text[:300]}", OK)
    return answer.status_code


async def page(site: Site) -> int:
    """What the page, monitors and scrapers read."""
    path = site.chance.choice(("/", "/health", "/health/ready", "/metrics", "/v1/models", "/jobs"))
    return (await site.request("GET", path)).status_code


async def stream(site: Site) -> str:
    """A live stream, at twice the speed of speech."""
    url = f"ws://{HOST}:{site.port}/stream"
    async with connect(url, additional_headers=site.socket_headers, compression=None) as socket:
        first = json.loads(await socket.recv())
        if first["type"] != "ready":
            raise UnexpectedError(f"a stream begins with {first}")

        async def talk() -> None:
            for piece in pieces(site.speech):
                await socket.send(piece)
                await asyncio.sleep(_PIECE_SECONDS)
            await socket.send(json.dumps({"type": "end"}))

        talking = asyncio.create_task(talk())
        try:
            kinds = [json.loads(message)["type"] async for message in socket]
        finally:
            talking.cancel()
        if "final" not in kinds or kinds[-1] != "end":
            raise UnexpectedError(f"a stream of {kinds}", socket.close_code)
    return str(socket.close_code)


async def vosk(site: Site) -> str:
    """A live stream of vosk's clients."""
    url = f"ws://{HOST}:{site.vosk_port}"
    async with connect(url, additional_headers=site.socket_headers, compression=None) as socket:
        await socket.send(json.dumps({"config": {"sample_rate": 16_000}}))
        for piece in pieces(site.speech):
            await socket.send(piece)
            await socket.recv()
        await socket.send(json.dumps({"eof": 1}))
        if "text" not in (last := json.loads(await socket.recv())):
            raise UnexpectedError(f"a stream ends with {last}")
    return "final"


def pieces(data: bytes) -> Iterator[bytes]:
    """Live audio as a client sends it, a tenth of a second at a time."""
    for start in range(0, len(data), _PIECE_BYTES):
        yield data[start : start + _PIECE_BYTES]
