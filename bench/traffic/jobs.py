"""Jobs with webhooks, followed to their end and erased."""

import asyncio
from typing import Any

from bench.traffic.site import ACCEPTED, NO_CONTENT, OK, Site, UnexpectedError

_GONE = 404
_WEBHOOK_SECONDS = 60.0
_POLL_SECONDS = 0.5
_LONG_SHARE = 0.1
_UNFINISHED = {"queued", "processing"}


async def job(site: Site) -> str:
    """A job: submitted, waited for, fetched, its webhook received; then erased."""
    audio = site.long if site.chance.random() < _LONG_SHARE else site.clip()
    params = {"webhook_url": site.receiver.url}
    made = await site.request("POST", "/jobs", (ACCEPTED,), content=audio, params=params)
    path = made.headers["location"]
    ended = await _ended(site, path)
    if ended["status"] != "completed":
        raise UnexpectedError(f"a job has ended as {ended}", ended["status"])
    await site.request("GET", f"{path}/result", params={"response_format": "srt"})
    await site.request("GET", f"{path}/events", (OK, NO_CONTENT))
    posted = await site.receiver.wait(ended["id"], seconds=_WEBHOOK_SECONDS)
    if posted != "completed":
        raise UnexpectedError(f"a webhook reports {posted!r}", posted)
    await _erase(site, path)
    return "completed"


async def erased_job(site: Site) -> str:
    """A long job that is erased while it waits or runs."""
    made = await site.request("POST", "/jobs", (ACCEPTED,), content=site.long)
    await asyncio.sleep(site.chance.uniform(0, 2))
    await _erase(site, made.headers["location"])
    return "erased"


async def assemblyai(site: Site) -> str:
    """A recording as AssemblyAI's clients send it: uploaded, requested, polled and deleted."""
    headers = {"authorization": site.key}
    sent = await site.request("POST", "/v2/upload", content=site.clip(), headers=headers)
    made = await site.request(
        "POST",
        "/v2/transcript",
        json={"audio_url": sent.json()["upload_url"]},
        headers=headers,
    )
    path = f"/v2/transcript/{made.json()['id']}"
    while True:
        answer = (await site.request("GET", path, headers=headers)).json()
        if answer["status"] not in _UNFINISHED:
            break
        await asyncio.sleep(_POLL_SECONDS)
    if answer["status"] != "completed":
        raise UnexpectedError(f"a transcript has ended as {answer}", answer["status"])
    await site.request("GET", f"{path}/srt", headers=headers)
    await site.request("DELETE", path, headers=headers)
    await site.request("GET", path, (_GONE, 400), headers=headers)
    return "completed"


async def erase_all(site: Site) -> int:
    """Erases the jobs that are left, such as those whose client hung up; returns their number."""
    erased = 0
    while found := (await site.request("GET", "/jobs", params={"limit": "100"})).json()["jobs"]:
        for each in found:
            await site.request("DELETE", f"/jobs/{each['id']}", (NO_CONTENT, _GONE))
            erased += 1
    return erased


async def _ended(site: Site, path: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = (await site.request("GET", path, params={"wait": "30"})).json()
        if found["status"] not in _UNFINISHED:
            return found


async def _erase(site: Site, path: str) -> None:
    await site.request("DELETE", path, (NO_CONTENT,))
    await site.request("GET", path, (_GONE,))
