"""Hands in jobs over HTTP, waits for them and reads their events."""

import json
from typing import Any

import httpx


def hand_in(client: httpx.Client, audio: bytes, **fields: Any) -> dict[str, Any]:
    answer = client.post("/jobs", content=audio, params=fields)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def ended(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """Wait until a job has ended."""
    answer = client.get(f"/jobs/{job['id']}", params={"wait": 60})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["status"] in {"completed", "failed"}, found
    return found


def read_events(client: httpx.Client, job_id: str, **headers: str) -> list[dict[str, Any]]:
    """Read a stream of events to its end."""
    with client.stream("GET", f"/jobs/{job_id}/events", headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        text = "".join(answer.iter_text())
    events = []
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith(":")]
        if not lines:
            continue
        named = dict(line.split(": ", 1) for line in lines)
        event = json.loads(named["data"])
        assert (named["id"], named["event"]) == (str(event["id"]), event["event"])
        events.append(event)
    return events
