"""The client's distribution beside the service's: the same files, versions and requirements."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[3]
CLIENT = REPOSITORY / "clients" / "python"


def project(folder: Path) -> dict[str, Any]:
    with (folder / "pyproject.toml").open("rb") as file:
        return dict(tomllib.load(file)["project"])


def test_both_distributions_have_the_same_version_licence_and_command() -> None:
    service, client = project(REPOSITORY), project(CLIENT)
    for name in ("version", "license", "requires-python"):
        assert client[name] == service[name]
    assert client["scripts"]["nordlyd"] == service["scripts"]["nordlyd"]
    assert (CLIENT / "LICENSE").read_bytes() == (REPOSITORY / "LICENSE").read_bytes()


def test_requirements_of_the_client_are_among_those_of_the_service() -> None:
    service, client = project(REPOSITORY), project(CLIENT)
    extras = client["optional-dependencies"]
    assert set(client["dependencies"]) | set(extras["cli"]) <= set(service["dependencies"])
    microphone = set(service["optional-dependencies"]["mic"])
    assert set(extras["mic"]) == {"nordlyd-client[cli]", *microphone}


@pytest.mark.parametrize("package", ["contract", "formats"])
def test_shared_packages_are_those_of_the_service(package: str) -> None:
    shared = CLIENT / "nordlyd_client" / package
    assert shared.is_symlink()
    assert shared.resolve() == REPOSITORY / "app" / package


def test_client_imports_nothing_of_the_service() -> None:
    code = """
import importlib, importlib.metadata, pkgutil, sys
sys.modules["app"] = None  # as where the service is not installed
importlib.metadata.entry_points = lambda **_: ()
import nordlyd_client
for module in pkgutil.walk_packages(nordlyd_client.__path__, "nordlyd_client."):
    importlib.import_module(module.name)
print(*sys.modules)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "nordlyd_client.cli.transcribe" in ended.stdout
    heavy = {"torch", "numpy", "fastapi", "av", "soundfile", "trainer", "bench"}
    assert heavy.isdisjoint(ended.stdout.split())
