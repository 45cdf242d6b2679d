"""Shared fixtures of the deployment tests: the paths, a tiny checkpoint and a free port."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from chart import Chart
from checkpoints import write_tiny_checkpoint

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def chart(repository: Path) -> Chart:
    return Chart(repository / "deploy/helm/nordlyd")


@pytest.fixture(scope="session")
def new_port() -> Callable[[], int]:
    """Finds a port of loopback that is free now; another one each time."""

    def find() -> int:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return int(listener.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of random weights: it loads in a moment."""
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    return write_tiny_checkpoint(folder, languages=("nb",), seed=7)
