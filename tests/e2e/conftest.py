"""One server for all tests that leave it unchanged, and one with API keys."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running import KEY, RunningServer
from troubles import troubles
from web_server import WebServer, web_server


@pytest.fixture(scope="session")
def tiny_settings(checkpoints: dict[str, Path]) -> dict[str, str]:
    """Both tiny models, in float32 so that every machine gives the same text."""
    return {
        "MODELS": ",".join(str(folder) for folder in checkpoints.values()),
        "DTYPE": "float32",
        "MAX_AUDIO_SECONDS": "1800",
        "LOG_FORMAT": "json",
    }


@pytest.fixture(scope="session")
def server(
    tiny_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """The shared server; ends with a clean drain."""
    running = RunningServer(tmp_path_factory.mktemp("server"), tiny_settings)
    yield running.wait_ready()
    assert running.stop() == 0
    assert troubles(running.log) == []


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    """A client of the shared server."""
    with server.client() as connected:
        yield connected


@pytest.fixture(scope="session")
def guarded(
    tiny_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server with API keys and a limit of 1 MiB, below a proxy's prefix, for a page elsewhere."""
    settings = tiny_settings | {
        "API_KEYS": f"key-0,{KEY}",
        "MAX_UPLOAD_MB": "1",
        "CORS_ORIGINS": "https://app.example.org",
        "ROOT_PATH": "/speech",
        "VOSK_PORT": "0",
    }
    running = RunningServer(tmp_path_factory.mktemp("guarded"), settings)
    yield running.wait_ready()
    assert running.stop() == 0


@pytest.fixture(scope="session")
def archive() -> Iterator[WebServer]:
    """A web server with recordings, the only one that `demos` may fetch from."""
    with web_server() as web:
        yield web


@pytest.fixture(scope="session")
def demos(archive: WebServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with the bundled Bokmål and Danish models, and every protocol on."""
    settings = {
        "MODELS": "demo-nb,demo-da",
        "VOSK_PORT": "0",
        "WYOMING_PORT": "0",
        "URL_HOSTS": f"internal!http://127.0.0.1:{archive.port}",
        "LOG_FORMAT": "json",
    }
    running = RunningServer(tmp_path_factory.mktemp("demos"), settings)
    yield running.wait_ready()
    assert running.stop() == 0
    assert troubles(running.log) == []
