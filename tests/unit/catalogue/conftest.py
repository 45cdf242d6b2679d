"""Shared parts of the catalogue's tests: a loopback hub and checkpoint folders."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import HubServer

from app.catalogue import HubOptions

CHECKPOINT = {
    "config.json": b'{"model_type": "wav2vec2"}',
    "vocab.json": b'{"|": 0, "a": 1, "[UNK]": 2, "[PAD]": 3}',
    "preprocessor_config.json": b'{"do_normalize": true}',
    "pytorch_model.bin": bytes(range(256)) * 4096,
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub with one repository, `org/model`, in both weight formats and with a language model."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    extra = {
        "model.safetensors": b"safe" * 200_000,
        "language_model/5gram.bin": b"gram" * 1000,
        "language_model/attrs.json": b'{"alpha": 0.5}',
        "README.md": b"# card",
        "optimizer.pt": b"state",
        "runs/events.out": b"log",
        "training_args.bin": b"args",
    }
    server = HubServer("org/model", CHECKPOINT | extra)
    yield server
    server.close()


@pytest.fixture
def make_checkpoint() -> Callable[[Path], Path]:
    """Writes the files of a small checkpoint into a folder and returns it."""

    def make(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in CHECKPOINT.items():
            (folder / name).write_bytes(content)
        return folder

    return make


@pytest.fixture
def options(hub: HubServer, tmp_path: Path) -> HubOptions:
    """Leads to that hub, with a cache of its own."""
    return HubOptions(endpoint=hub.endpoint, cache=tmp_path / "cache")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store that does not exist yet."""
    return tmp_path / "store"
