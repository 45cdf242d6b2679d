"""Clients that send what is wrong, are slow, hang up, or must be refused."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bench.traffic.recordings import pieces
from bench.traffic.site import BUSY, HOST, OK, Site, UnexpectedError

_UNAUTHORIZED, _FORBIDDEN, _LATE = 401, 403, 504
_DRIP_SECONDS = 0.5
_POLICY = 1008
_LONG_SHARE = 0.1
_SHOWN = 120


async def bad_input(site: Site) -> str:
    """One of many wrong requests; each has the status that documents give it."""
    cut = site.clip()
    cases: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
        ("POST /transcribe", (422,), {"content": b""}),
        ("POST /transcribe", (415,), {"content": b"no recording at all" * 100}),
        ("POST /transcribe", (415, 422), {"content": site.chance.randbytes(50_000)}),
        ("POST /transcribe", (422,), {"content": cut[: len(cut) // 2]}),
        ("POST /transcribe", (400,), {"content": cut, "params": {"langauge": "nb"}}),
        ("POST /transcribe", (404,), {"content": cut, "params": {"model": "none"}}),
        ("POST /transcribe", (400,), {"content": cut, "params": {"beam_width": "many"}}),
        ("POST /transcribe", (415,), {"content": cut, "headers": {"content-encoding": "br"}}),
        ("POST /transcribe", (400,), {"content": cut, "headers": {"content-encoding": "gzip"}}),
        (
            "POST /transcribe",
            (400,),
            {"content": cut, "headers": {"content-type": "multipart/form-data; boundary=x"}},
        ),
        ("POST /transcribe", (400,), {"params": {"url": "http://127.0.0.1:1/secret"}}),
        ("POST /align", (400,), {"files": {"file": cut}}),
        ("POST /render", (400, 422), {"content": b"{"}),
        ("POST /jobs", (400,), {"content": cut, "params": {"metadata": "{"}}),
        ("GET /jobs/job_none", (404,), {}),
        ("GET /jobs", (400,), {"params": {"after": "?"}}),
        ("GET /no-such-page", (404,), {}),
        ("DELETE /transcribe", (405,), {}),
        ("POST /v1/audio/transcriptions", (400,), {"data": {"model": "whisper-1"}}),
        ("POST /v1/listen", (400,), {"content": b"\0" * 1_000}),
        ("POST /v2/transcript", (400,), {"json": {"audio_url": 7}}),
    ]
    chosen = site.chance.randrange(len(cases) + 2)
    if chosen == len(cases):
        return await _bad_stream(site)
    if chosen > len(cases):
        return await _bad_http(site)
    what, expected, options = cases[chosen]
    method, path = what.split(" ")
    answer = await site.request(method, path, expected, **options)
    if "error" not in answer.text and "err_" not in answer.text and "detail" not in answer.text:
        raise UnexpectedError(f"{what}: no error in {answer.text[:_SHOWN]}", answer.status_code)
    return str(answer.status_code)


async def _bad_stream(site: Site) -> str:
    url = f"ws://{HOST}:{site.port}/stream"
    async with connect(url, additional_headers=site.socket_headers) as socket:
        await socket.recv()
        await socket.send(site.chance.choice(("{", '{"type": "none"}', "[]")))
        kinds = []
        with suppress(ConnectionClosed):
            while True:
                kinds.append(json.loads(await socket.recv())["type"])
    if kinds != ["error"] or socket.close_code != _POLICY:
        raise UnexpectedError(f"a wrong message is answered {kinds}", socket.close_code)
    return str(socket.close_code)


async def _bad_http(site: Site) -> str:
    reader, writer = await site.connect()
    try:
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        first = (await reader.read(_SHOWN)).split(b"\r\n")[0]
        if b" 400 " not in first:
            raise UnexpectedError(f"no HTTP is answered {first!r}")
    finally:
        writer.close()
    return "400"


async def hang_up(site: Site) -> str:
    """A client that is gone in the middle of its upload, of its answer, or of its stream."""
    match site.chance.randrange(4):
        case 0:
            await _broken_request(site, "/transcribe", sent=0.5)
            return "mid-upload"
        case 1:
            await _broken_request(site, "/jobs", sent=0.9)
            return "mid-upload of a job"
        case 2:
            await _broken_request(site, "/transcribe", sent=1.0)
            return "mid-answer"
        case _:
            url = f"ws://{HOST}:{site.port}/stream"
            async with connect(url, additional_headers=site.socket_headers) as socket:
                await socket.recv()
                for piece in pieces(site.speech[: len(site.speech) // 2]):
                    await socket.send(piece)
                await asyncio.sleep(site.chance.uniform(0, 1))
                socket.transport.abort()
            return "mid-stream"


async def _broken_request(site: Site, path: str, *, sent: float) -> None:
    audio = site.long if site.chance.random() < _LONG_SHARE else site.clip()
    _, writer = await site.connect()
    writer.write(site.head(path, len(audio)) + audio[: int(sent * len(audio))])
    await asyncio.sleep(site.chance.uniform(0, 1))
    writer.transport.abort()


async def drip(site: Site) -> str:
    """A client that sends slowly: fast enough, or so slowly that it is ended."""
    audio = min(site.clips, key=len)
    match site.chance.randrange(3):
        case 0:
            return await _dripped(site, site.head("/transcribe", len(audio)), audio, 8_000)
        case 1:
            return await _dripped(site, site.head("/transcribe", len(audio)), audio, 100)
        case _:
            return await _dripped(site, b"", site.head("/transcribe", len(audio))[:-4], 8)


async def _dripped(site: Site, at_once: bytes, slowly: bytes, pace: int) -> str:
    """Sends some bytes each half second until there is an answer.

    Raises:
        UnexpectedError: it is neither a transcript nor a 408.
    """
    reader, writer = await site.connect()
    answering = asyncio.create_task(reader.read(_SHOWN))
    try:
        writer.write(at_once)
        while slowly and not answering.done():
            writer.write(slowly[:pace])
            slowly = slowly[pace:]
            await asyncio.wait({answering}, timeout=_DRIP_SECONDS)
        first = (await answering).split(b"\r\n")[0].decode()
    finally:
        answering.cancel()
        writer.transport.abort()
    status = first.split(" ")[1] if first else "closed"
    if status not in {"200", "408", "429"}:
        raise UnexpectedError(f"a slow upload is answered {first!r}", status)
    return status


async def refused(site: Site) -> str:
    """A request without a key, without the scope, above a quota, or that cannot be in time."""
    match site.chance.randrange(4):
        case 0:
            headers = {"authorization": "Bearer wrong"}
            answer = await site.request(
                "POST", "/transcribe", (_UNAUTHORIZED,), content=site.clip(), headers=headers
            )
        case 1:
            answer = await site.request("GET", "/admin/queue", (_FORBIDDEN,))
        case 2:
            headers = {"authorization": f"Bearer {site.limited_key}"}
            answer = await site.request(
                "POST", "/transcribe", (OK, BUSY), content=site.clip(), headers=headers
            )
        case _:
            answer = await site.request(
                "POST",
                "/transcribe",
                (BUSY, _LATE),
                content=site.long,
                headers={"x-request-timeout": "0.05"},
            )
    return str(answer.status_code)
