"""`publish`, to a hub on loopback, by the official client."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_tiny_checkpoint
from hub_server import COMMIT, HubServer
from typer.testing import CliRunner

from app.acoustic import load_checkpoint
from app.catalogue import HubOptions, ModelCard, pull
from trainer.cli import app
from trainer.errors import PublishError
from trainer.publish import published_files

REPOSITORY = "org/model"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A hub without the repository."""
    server = HubServer(REPOSITORY, {}, exists=False)
    yield server
    server.close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder with a card, a sample and what must not leave the machine."""
    folder = write_tiny_checkpoint(tmp_path / "tiny-nb", languages=("nb",), seed=0)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Tiny\n", "utf-8")
    (folder / "samples").mkdir()
    (folder / "samples" / "sample-1.flac").write_bytes(b"fLaC")
    (folder / ".env").write_text("SECRET=1")
    (folder / "pulled.json").write_text("{}")
    return folder


def publish(
    hub: HubServer, folder: Path, *options: str, token: str = "hf_loopback"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainer", "publish", str(folder), REPOSITORY, *options],
        # The content-addressed storage behind the real hub is another service than its API.
        env=os.environ
        | {
            "HF_ENDPOINT": hub.endpoint,
            "HF_TOKEN": token,
            "HF_HOME": str(folder.parent / "hf"),
            "HF_HUB_DISABLE_XET": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.long
def test_published_model_is_pulled_and_has_the_same_emissions(
    hub: HubServer, model: Path, tmp_path: Path
) -> None:
    done = publish(hub, model, "--message", "First", "--exclude", "samples/*", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["created"], summary["commit"]) == (True, COMMIT)
    assert (hub.visibility, hub.messages) == ("private", ["First"])
    assert summary["files"].keys() == hub.files.keys()
    assert {"README.md", "model.toml", "config.json", "vocab.json"} <= hub.files.keys()
    assert not {"samples/sample-1.flac", ".env", "pulled.json"} & hub.files.keys()
    options = HubOptions(endpoint=hub.endpoint, cache=tmp_path / "cache")
    pulled = pull(ModelCard(id="model", hub=REPOSITORY), tmp_path / "store", options=options)
    wave = np.random.default_rng(1).standard_normal(16_000).astype(np.float32)
    [expected], [found] = (load_checkpoint(one).emissions([wave]) for one in (model, pulled))
    assert np.array_equal(found, expected)


@pytest.mark.long
def test_second_publication_is_a_commit_to_the_same_repository(hub: HubServer, model: Path) -> None:
    assert publish(hub, model, "--public").returncode == 0
    assert hub.visibility == "public"
    (model / "README.md").write_text("# Better\n", "utf-8")
    done = publish(hub, model, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["created"] is False
    assert hub.files["README.md"] == b"# Better\n"
    assert hub.messages == ["Publish tiny-nb"] * 2


@pytest.mark.long
def test_hub_that_refuses_or_is_not_there_is_one_line(hub: HubServer, model: Path) -> None:
    done = publish(hub, model, token="hf_other")
    assert done.returncode == 1
    assert "status 401" in done.stderr
    assert "hf auth login" in done.stderr.splitlines()[-1]
    assert not hub.files
    hub.close()
    done = publish(hub, model)
    assert done.returncode == 1
    assert f"{hub.endpoint} did not take {REPOSITORY}" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_folders_that_are_no_model_with_a_card_are_refused(model: Path, tmp_path: Path) -> None:
    (model / "optimizer.pt").touch()
    with pytest.raises(PublishError, match="checkpoint to resume from"):
        published_files(model)
    (model / "optimizer.pt").unlink()
    with pytest.raises(PublishError, match=r"README\.md is excluded"):
        published_files(model, ["*.md"])
    (model / "README.md").unlink()
    with pytest.raises(PublishError, match=r"no README\.md.*`card` writes it"):
        published_files(model)
    with pytest.raises(PublishError, match=r"lacks config\.json"):
        published_files(tmp_path)
    shutil.copytree(model, tmp_path / "run" / "export")
    with pytest.raises(PublishError, match=r"is a run; publish .*export"):
        published_files(tmp_path / "run")


def test_dry_run_lists_the_files_and_invalid_names_are_refused(model: Path) -> None:
    command = ["publish", str(model), REPOSITORY, "--dry-run", "--json"]
    answer = CliRunner().invoke(app, command)
    assert json.loads(answer.stdout)["files"] == published_files(model)
    assert "samples/sample-1.flac" in published_files(model)
    answer = CliRunner().invoke(app, ["publish", str(model), "no-owner"])
    assert isinstance(answer.exception, PublishError)
    assert "OWNER/NAME" in str(answer.exception)
