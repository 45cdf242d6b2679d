"""The base installation, without any extra, on every supported Python that this machine has.

Needs the package index, so it is marked `pythons` and run by `make test-pythons`, which names the
interpreters.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dockerfile import context_files
from running import RunningServer, environment

pytestmark = [pytest.mark.pythons, pytest.mark.timeout(1500)]

INSTALL_SECONDS = 1200
# The CUDA build of torch takes long to be read for the first time.
START_SECONDS = 240
SAMPLE = Path("models/demo-da/samples/sample-1.flac")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = metafunc.config.getoption("python")
    each = [
        pytest.param(python, id=(name := Path(python).name), marks=pytest.mark.xdist_group(name))
        for python in found
    ]
    metafunc.parametrize("installed", each, indirect=True, scope="module")


@pytest.fixture(scope="module")
def installed(
    request: pytest.FixtureRequest, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The folder of programs of an environment into which nothing but the service was installed."""
    folder = tmp_path_factory.mktemp("python")
    for relative in context_files(repository):
        target = folder / "source" / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(repository / relative, target, follow_symlinks=False)
    subprocess.run([request.param, "-m", "venv", folder / "venv"], check=True, timeout=120)
    programs = folder / "venv" / "bin"
    subprocess.run(
        [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "-c", repository / "constraints.txt", folder / "source"],
        check=True, timeout=INSTALL_SECONDS,
    )  # fmt: skip
    yield programs
    shutil.rmtree(folder)


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a program in a folder that has none of the repository's modules."""
    return subprocess.run(
        command, cwd=folder, env=environment({}), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


def test_installed_service_serves_a_request(
    installed: Path, repository: Path, tmp_path: Path
) -> None:
    settings = {"CATALOGUE": str(repository / "models"), "MODELS": "demo-da"}
    server = RunningServer(tmp_path, settings, program=installed / "nordlyd")
    try:
        server.wait_ready(START_SECONDS)
        with server.client() as client, (repository / SAMPLE).open("rb") as file:
            answer = client.post("/transcribe", files={"file": file}).json()
        assert "rapport" in answer["text"]
        assert (answer["decoder"], answer["lm"]) == ("beam", "default")
    finally:
        assert server.stop() == 0


def test_base_installation_has_numpy_2_and_no_package_of_an_extra(
    installed: Path, tmp_path: Path
) -> None:
    listed = run(installed / "python", "-m", "pip", "list", "--format=freeze", folder=tmp_path)
    packages = dict(line.split("==") for line in listed.stdout.split())
    assert packages["numpy"].startswith("2.")
    assert (
        not {"transformers", "pyctcdecode", "pyarrow", "datasets", "scipy", "pytest"}
        & packages.keys()
    )
    assert run(installed / "python", "-m", "pip", "check", folder=tmp_path).returncode == 0


def test_plan_needs_no_extra(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "nordlyd-train", "plan", "demo-nb", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "learning rate" in done.stdout


def test_missing_extra_is_named_in_one_line(installed: Path, tmp_path: Path) -> None:
    command = ("train", "demo-nb", "--data", ".", "--output", "run")
    done = run(installed / "nordlyd-train", *command, folder=tmp_path)
    assert done.returncode != 0
    assert "pip install 'nordlyd[train]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
