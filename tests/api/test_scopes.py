"""Which key may call which route, and how each family of routes refuses."""

import asyncio
from pathlib import Path

import httpx
import pytest
from in_process import in_process

from app.database import Database
from app.keys import KeyRing, Scope
from app.keys.store import KeyStore

ROUTES: dict[tuple[str, str], Scope] = {
    ("POST", "/transcribe"): "transcribe",
    ("POST", "/align"): "transcribe",
    ("POST", "/render"): "transcribe",
    ("GET", "/v1/models"): "transcribe",
    ("POST", "/v1/audio/transcriptions"): "transcribe",
    ("POST", "/v1/listen"): "transcribe",
    ("POST", "/v1/listen?model=a&callback=https%3A%2F%2Fexample.org"): "jobs",
    ("GET", "/no-such-route"): "transcribe",
    ("GET", "/jobs"): "jobs",
    ("GET", "/jobs/job_1/result"): "jobs",
    ("POST", "/v2/upload"): "jobs",
    ("GET", "/admin/models"): "admin",
    ("PUT", "/admin/log-level"): "admin",
    ("GET", "/admin"): "admin",
    ("GET", "/administrators"): "transcribe",
}
OPEN = ("/health", "/health/live", "/health/ready", "/metrics", "/openapi.json", "/")


def test_every_route_is_refused_to_keys_without_its_scope(tmp_path: Path) -> None:
    store = KeyStore(Database(tmp_path))
    keys = {scope: store.create(scope, scopes=(scope,))[1] for scope in set(ROUTES.values())}

    async def run() -> None:
        ring = KeyRing(open_store=lambda: store)
        await ring.refresh()
        async with in_process(keys=ring) as running:
            await running.until("ready")
            for (method, path), needed in ROUTES.items():
                for scope, key in keys.items():
                    headers = {"authorization": f"Bearer {key}"}
                    answer = await running.client.request(method, path, headers=headers)
                    assert (answer.status_code == 403) == (scope != needed), (path, scope)
                    assert scope == needed or f"no scope {needed}" in answer.text
                assert (await running.client.request(method, path)).status_code == 401
            for path in OPEN:
                assert (await running.client.get(path)).status_code == 200

    asyncio.run(run())


async def refusals(path: str, *keys: str) -> list[httpx.Response]:
    """Without a key, with a wrong one, and with those keys."""
    async with in_process(api_keys=["configured"]) as running:
        await running.until("ready")
        return [
            await running.client.post(path, headers={"authorization": key} if key else {})
            for key in ("", "Bearer wrong", *keys)
        ]


def test_configured_key_has_no_scope_admin() -> None:
    missing, wrong, configured = asyncio.run(refusals("/admin/drain", "Bearer configured"))
    assert [missing.status_code, wrong.status_code, configured.status_code] == [401, 401, 403]
    assert configured.json()["error"] == {
        "message": "This API key has no scope admin; it has: jobs, transcribe.",
        "type": "permission_error",
        "param": None,
        "code": "missing_scope",
    }


def test_admin_routes_are_refused_where_there_is_no_key_at_all() -> None:
    async def run() -> None:
        async with in_process() as running:
            await running.until("ready")
            answer = await running.client.post("/admin/drain")
            assert answer.status_code == 403
            assert "nordlyd keys create" in answer.json()["error"]["message"]
            assert (await running.client.get("/health/ready")).status_code == 200

    asyncio.run(run())


@pytest.mark.parametrize("header", ["Bearer configured", "bearer configured", "Token configured"])
def test_key_is_accepted_under_either_scheme_in_any_case(header: str) -> None:
    answers = asyncio.run(refusals("/transcribe", header))
    assert [answer.status_code for answer in answers] == [401, 401, 422]


def test_key_without_a_scheme_is_accepted_as_assemblyai_sends_it() -> None:
    answers = asyncio.run(refusals("/v2/upload", "configured", "Bearer"))
    assert [answer.status_code for answer in answers][:2] == [401, 401]
    assert answers[2].status_code not in {401, 403}
    assert answers[3].status_code == 401
