"""A server for fuzzing, which must end without errors."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running import RunningServer
from troubles import troubles

KEY = "key-0"


@pytest.fixture(scope="session")
def authorised() -> dict[str, str]:
    """The header that opens the server."""
    return {"authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="session")
def server(
    checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A tiny model behind every protocol; ends with a clean drain and no error in its log."""
    settings = {
        "MODELS": str(checkpoints["tiny-nb"]),
        "DTYPE": "float32",
        "MAX_AUDIO_SECONDS": "60",
        "MAX_UPLOAD_MB": "4",
        "LOG_FORMAT": "json",
        "API_KEYS": KEY,
        "VOSK_PORT": "0",
        "WYOMING_PORT": "0",
        # Wyoming's clients have no keys.
        "ALLOW_ANONYMOUS": "true",
        "LIVE_KEEP_SECONDS": "0.5",
    }
    running = RunningServer(tmp_path_factory.mktemp("fuzzed"), settings)
    yield running.wait_ready()
    assert running.stop() == 0
    assert troubles(running.log) == []


@pytest.fixture(scope="session")
def client(server: RunningServer, authorised: dict[str, str]) -> Iterator[httpx.Client]:
    """A client of the server, with its key."""
    with server.client(headers=authorised) as connected:
        yield connected
