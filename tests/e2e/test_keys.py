"""Keys that are made and revoked while a server runs, and their scopes in every protocol."""

import asyncio
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from deepgram.core.api_error import ApiError
from deepgram_client import client_of, listen
from running import NORDLYD, RunningServer, environment
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from wyoming.asr import Transcribe
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.info import Describe, Info

from app.database import Database
from app.keys import Quota
from app.keys.store import KeyStore

pytestmark = pytest.mark.long

SECONDS = 20.0
PUBLIC = {"HOST": "0.0.0.0", "LOG_FORMAT": "json"}


def nordlyd(data: Path, *arguments: str) -> str:
    """Runs a command beside the server, on its data folder; returns what it printed."""
    ended = subprocess.run(
        [NORDLYD, "keys", *arguments],
        env=environment({"DATA": str(data)}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


class Guarded:
    """A server whose first keys were made while it served without.

    Attributes:
        server: has the Wyoming and the vosk port open, on loopback.
        data: its data folder.
        transcribe, jobs, admin: a key of that scope alone.
    """

    def __init__(self, server: RunningServer, data: Path) -> None:
        self.server = server
        self.data = data
        self.store = KeyStore(Database(data))
        self.transcribe = nordlyd(data, "create", "Arkivet", "--scope", "transcribe").strip()
        self.jobs = self.store.create("jobs", scopes=("jobs",))[1]
        self.admin = self.store.create("admin", scopes=("admin",))[1]

    def client(self, key: str = "") -> httpx.Client:
        """A client that presents a key; none if empty."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return self.server.client(headers=headers)


def wait_for(
    accepted: Callable[[httpx.Response], bool], request: Callable[[], httpx.Response]
) -> httpx.Response:
    """Repeats a request until its answer is accepted."""
    until = time.monotonic() + SECONDS
    while not accepted(answer := request()):
        assert time.monotonic() < until, answer.text
        time.sleep(0.1)
    return answer


def wait_for_status(status: int, request: Callable[[], httpx.Response]) -> httpx.Response:
    """Repeats a request until its answer has that status."""
    return wait_for(lambda answer: answer.status_code == status, request)


def detail(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["type"], error["code"]


@pytest.fixture(scope="module")
def guarded_later(
    tiny_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    """Begins without keys: nothing but /admin needs one until the first key is made."""
    folder = tmp_path_factory.mktemp("keys")
    settings = tiny_settings | {"VOSK_PORT": "0", "WYOMING_PORT": "0", "DATA": str(folder / "d")}
    server = RunningServer(folder, settings).wait_ready()
    with server.client() as client:
        assert client.get("/v1/models").status_code == 200
        assert detail(client.get("/admin/models")) == (403, "permission_error", "missing_scope")
        assert not (folder / "d").exists()
        guarded = Guarded(server, folder / "d")
        wait_for_status(401, lambda: client.get("/v1/models"))
        assert client.get("/health/ready").status_code == 200
        assert client.get("/metrics").status_code == 200
    yield guarded
    assert server.stop() == 0


def test_key_of_the_command_is_accepted_and_shown_once(guarded_later: Guarded, clip) -> None:
    with guarded_later.client(guarded_later.transcribe) as client:
        assert client.post("/transcribe", content=clip()).status_code == 200
    listed = json.loads(nordlyd(guarded_later.data, "list", "--json"))
    (archive,) = [row for row in listed if row["name"] == "Arkivet"]
    assert archive["id"] in guarded_later.transcribe
    assert (archive["status"], archive["scopes"]) == ("active", ["transcribe"])
    assert guarded_later.transcribe.rpartition("_")[2] not in json.dumps(listed)


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("transcribe", "POST", "/transcribe"),
        ("transcribe", "POST", "/render"),
        ("jobs", "GET", "/jobs"),
        ("jobs", "POST", "/jobs"),
        ("jobs", "GET", "/v2/transcript"),
        ("admin", "GET", "/admin/models"),
        ("admin", "POST", "/admin/drain"),
    ],
)
def test_route_needs_its_scope(guarded_later: Guarded, scope: str, method: str, path: str) -> None:
    for other in {"transcribe", "jobs", "admin"} - {scope}:
        with guarded_later.client(getattr(guarded_later, other)) as client:
            answer = client.request(method, path)
            assert answer.status_code == 403
            assert scope in answer.text
    with guarded_later.client() as client:
        assert client.request(method, path).status_code == 401


def test_missing_scope_is_a_permission_error_in_the_native_form(guarded_later: Guarded) -> None:
    with guarded_later.client(guarded_later.jobs) as client:
        answer = client.post("/transcribe", content=b"x")
    assert detail(answer) == (403, "permission_error", "missing_scope")


def test_openai_client_raises_permission_denied_for_a_missing_scope(
    guarded_later: Guarded,
) -> None:
    base = f"{guarded_later.server.address}/v1"
    with (
        openai.OpenAI(base_url=base, api_key=guarded_later.jobs, max_retries=0) as client,
        pytest.raises(openai.PermissionDeniedError) as refused,
    ):
        client.models.list()
    assert refused.value.code == "missing_scope"
    with openai.OpenAI(base_url=base, api_key=guarded_later.transcribe) as client:
        assert client.models.list().data


@pytest.mark.filterwarnings("ignore:websockets.* is deprecated:DeprecationWarning")
def test_deepgram_client_gets_its_own_form_for_a_missing_scope(
    guarded_later: Guarded, clip
) -> None:
    with (
        client_of(guarded_later.server, api_key=guarded_later.jobs) as client,
        pytest.raises(ApiError) as refused,
    ):
        listen(client, clip())
    assert refused.value.status_code == 403
    assert refused.value.body["err_code"] == "INSUFFICIENT_PERMISSIONS"
    with client_of(guarded_later.server, api_key=guarded_later.transcribe) as client:
        assert listen(client, clip()).results


def test_deepgram_callback_needs_the_scope_jobs(guarded_later: Guarded, clip) -> None:
    path = "/v1/listen?callback=https%3A%2F%2Fexample.org"
    with guarded_later.client(guarded_later.transcribe) as client:
        answer = client.post(path, content=clip())
    assert answer.status_code == 403
    assert "jobs" in answer.json()["err_msg"]


@pytest.mark.parametrize("path", ["/stream", "/v1/realtime?intent=transcription"])
def test_websocket_needs_the_scope_transcribe(guarded_later: Guarded, path: str) -> None:
    url = guarded_later.server.address.replace("http", "ws", 1) + path
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=bearer("")):
        pass
    assert refused.value.response.status_code == 401
    wrong = bearer(guarded_later.jobs)
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=wrong):
        pass
    assert refused.value.response.status_code == 403
    assert b"missing_scope" in refused.value.response.body
    with connect(url, additional_headers=bearer(guarded_later.transcribe)) as socket:
        assert json.loads(socket.recv(SECONDS))["type"] in {"ready", "session.created"}


def test_page_gets_the_missing_scope_in_a_message(guarded_later: Guarded) -> None:
    url = guarded_later.server.address.replace("http", "ws", 1) + "/v1/realtime"
    protocols = ["realtime", f"openai-insecure-api-key.{guarded_later.jobs}"]
    with connect(url, subprotocols=protocols) as page:  # type: ignore[arg-type]
        assert json.loads(page.recv(SECONDS))["error"]["code"] == "missing_scope"


def test_vosk_port_needs_the_scope_transcribe(guarded_later: Guarded) -> None:
    port = guarded_later.server.vosk
    for key, status in (("", 401), (guarded_later.jobs, 403)):
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(port, additional_headers=bearer(key)),
        ):
            pass
        assert refused.value.response.status_code == status
    with connect(f"{port}/?key={guarded_later.transcribe}") as socket:
        socket.send('{"eof" : 1}')
        assert json.loads(socket.recv(SECONDS))["text"] == ""


def test_wyoming_port_refuses_clients_once_a_key_is_needed(guarded_later: Guarded) -> None:
    address = urlsplit(guarded_later.server.wyoming)

    async def first_answer(event) -> Error:
        async with AsyncClient.from_uri(address.geturl(), read_timeout=SECONDS) as client:
            await client.write_event(event)
            answer = await client.read_event()
            assert answer is not None
            assert not Info.is_type(answer.type)
            return Error.from_event(answer)

    for event in (Describe().event(), Transcribe().event()):
        assert asyncio.run(first_answer(event)).code == "invalid_api_key"


def test_key_is_held_to_its_own_quota_on_every_protocol(guarded_later: Guarded, clip) -> None:
    quota = Quota(requests_per_minute=2)
    _, text = guarded_later.store.create("few", scopes=("transcribe",), quota=quota)
    server = guarded_later.server
    with guarded_later.client(text) as client:
        wait_for_status(200, lambda: client.get("/v1/models"))
        answers = [client.post("/transcribe", content=clip()) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[0].headers["ratelimit-limit"] == "2"
        assert answers[2].json()["error"]["code"] == "quota_exceeded"
    url = server.address.replace("http", "ws", 1) + "/stream"
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=bearer(text)):
        pass
    assert refused.value.response.status_code == 429
    with connect(server.vosk, additional_headers=bearer(text)) as socket:
        assert json.loads(socket.recv(SECONDS))["error"]["code"] == "quota_exceeded"


def test_live_audio_counts_in_the_quota_of_its_key(guarded_later: Guarded, clip) -> None:
    quota = Quota(audio_minutes_per_day=0.01)
    _, text = guarded_later.store.create("short", scopes=("transcribe",), quota=quota)
    with guarded_later.client(text) as client:
        wait_for_status(200, lambda: client.get("/v1/models"))
        url = guarded_later.server.address.replace("http", "ws", 1) + "/stream"
        with connect(url, additional_headers=bearer(text)) as socket:
            socket.send(bytes(32_000))
            socket.send('{"type": "end"}')
            read_to_the_end(socket)
        refused = wait_for_status(429, lambda: client.post("/transcribe", content=clip()))
        assert refused.json()["error"]["code"] == "quota_exceeded"


def test_revoked_key_stops_within_seconds(guarded_later: Guarded) -> None:
    key, text = guarded_later.store.create("leaving", scopes=("transcribe",))
    with guarded_later.client(text) as client:
        wait_for_status(200, lambda: client.get("/v1/models"))
        nordlyd(guarded_later.data, "revoke", key.id)
        began = time.monotonic()
        answer = wait_for_status(401, lambda: client.get("/v1/models"))
        assert time.monotonic() - began < SECONDS
        assert "revoked" in answer.json()["error"]["message"]


def read_to_the_end(socket: ClientConnection) -> None:
    for _ in socket:
        pass


def test_live_connections_of_a_revoked_key_are_closed_within_seconds(
    guarded_later: Guarded,
) -> None:
    server = guarded_later.server
    key, text = guarded_later.store.create("leaving", scopes=("transcribe",))
    urls = [server.address.replace("http", "ws", 1) + path for path in ("/stream", "/v1/realtime")]
    with ExitStack() as stack:
        sockets = [
            # Without pings: the client would close what a busy machine answers late.
            stack.enter_context(
                connect(url, additional_headers=bearer(text), open_timeout=60, ping_interval=None)
            )
            for url in (*urls, server.vosk)
        ]
        guarded_later.store.revoke(key.id)
        for socket in sockets:
            with pytest.raises(ConnectionClosedError):
                read_to_the_end(socket)
            assert socket.close_code == 1008
            assert socket.close_reason == "The API key was revoked or has expired."


def test_expired_key_is_refused_with_the_reason(guarded_later: Guarded) -> None:
    _, text = guarded_later.store.create("short", scopes=("transcribe",), expires_in=1.0)
    with guarded_later.client(text) as client:
        answer = wait_for(lambda each: "expired" in each.text, lambda: client.get("/v1/models"))
        assert answer.json()["error"]["code"] == "invalid_api_key"


def test_public_address_is_served_with_stored_keys_alone(
    tiny_settings: dict[str, str], tmp_path: Path
) -> None:
    data = str(tmp_path / "data")
    refused = RunningServer(tmp_path, tiny_settings | PUBLIC | {"DATA": data})
    assert refused.process.wait(60) != 0
    assert "nordlyd keys create" in refused.log.read_text()
    nordlyd(Path(data), "create", "first")
    served = RunningServer(
        tmp_path, tiny_settings | PUBLIC | {"DATA": data, "MODELS": "demo-nb"}
    ).wait_ready()
    assert served.stop() == 0
    assert "Authorization: Bearer YOUR_KEY" in "\n".join(served.greeting)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}
