"""The systemd unit is valid and narrow, and its command serves under its system call filter."""

import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dockerfile import assignments, parse_dockerfile
from service_client import open_url, post_tone

from app.settings import Settings

pytestmark = pytest.mark.deploy

CHECKOUT = "/srv/nordlyd"


@pytest.fixture(scope="module")
def unit(repository: Path) -> Path:
    return repository / "deploy/systemd/nordlyd.service"


@pytest.fixture(scope="module")
def options(unit: Path) -> dict[str, list[str]]:
    """The values of each option of the unit, in order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text("utf-8").splitlines():
        if not line.startswith(("#", "[")) and line:
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.fixture(scope="module")
def environment(options: dict[str, list[str]]) -> dict[str, str]:
    return {k: v for line in options["Environment"] for k, v in assignments(line).items()}


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


def test_unit_is_valid(unit: Path, tmp_path: Path) -> None:
    # The command has to exist: the checkout is here, not in /srv.
    here = tmp_path / unit.name
    nordlyd = Path(sys.executable).parent / "nordlyd"
    text = unit.read_text("utf-8")
    here.write_text(text.replace(f"{CHECKOUT}/.venv/bin/nordlyd", str(nordlyd)), "utf-8")
    run = analyze("verify", "--man=no", here)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


def test_exposure_of_the_unit_is_low(unit: Path) -> None:
    # Of 10: a unit without any restriction has 9.6.
    run = analyze("security", "--offline=yes", "--no-pager", "--threshold=25", unit)
    assert run.returncode == 0, run.stdout[-500:]


def test_settings_exist_and_folders_are_those_of_the_state(
    options: dict[str, list[str]], environment: dict[str, str]
) -> None:
    settings = {f"NORDLYD_{field.upper()}" for field in Settings.model_fields}
    assert {name for name in environment if name.startswith("NORDLYD_")} <= settings
    [state] = options["StateDirectory"]
    for name in ("HOME", "NORDLYD_STORE", "NORDLYD_DATA"):
        assert Path(environment[name]).is_relative_to(f"/var/lib/{state}")


def test_models_are_those_of_the_image(repository: Path, environment: dict[str, str]) -> None:
    image = parse_dockerfile((repository / "Dockerfile").read_text("utf-8"))[-1]
    assert environment["NORDLYD_MODELS"] == assignments(image.last("ENV").value)["NORDLYD_MODELS"]


def test_stop_timeout_covers_the_drain(
    options: dict[str, list[str]], environment: dict[str, str]
) -> None:
    assert float(options["TimeoutStopSec"][-1]) > float(environment["NORDLYD_DRAIN_SECONDS"])


def system_calls(filters: list[str]) -> set[str]:
    """The names that filters such as `@system-service seccomp` let through."""
    groups: dict[str, list[str]] = {}
    for line in analyze("syscall-filter").stdout.splitlines():
        if line.startswith("@"):
            group = groups.setdefault(line.strip(), [])
        elif name := line.partition("#")[0].strip():
            group.append(name)
    names: set[str] = set()
    waiting = " ".join(filters).split()
    while waiting:
        name = waiting.pop()
        if name.startswith("@"):
            waiting += groups[name]
        else:
            names.add(name)
    return names


def test_command_serves_under_the_filter_of_the_unit(
    options: dict[str, list[str]],
    environment: dict[str, str],
    tiny_checkpoint: Path,
    tmp_path: Path,
    new_port: Callable[[], int],
) -> None:
    names = system_calls(options["SystemCallFilter"])
    assert "mount" not in names
    # As DynamicUser's service: nothing of this environment, and a state folder of its own.
    state = tmp_path / "state"
    given = {
        name: value.replace("/var/lib/nordlyd", str(state)) for name, value in environment.items()
    }
    shutil.copytree(tiny_checkpoint, Path(given["NORDLYD_STORE"]) / "tiny")
    given |= {
        "NORDLYD_MODELS": f"{given['NORDLYD_STORE']}/tiny",
        "NORDLYD_PORT": str(new_port()),
        "NORDLYD_API_KEYS": "a-key-of-the-test",
        "NORDLYD_LOG_FORMAT": "json",
        "OMP_NUM_THREADS": "1",
    }
    [start] = options["ExecStart"]
    program, *arguments = shlex.split(start.replace(f"{CHECKOUT}/.venv", sys.prefix))
    launcher = Path(__file__).with_name("filtered.py")
    command = [sys.executable, str(launcher), ",".join(sorted(names)), program, *arguments]
    log = tmp_path / "log"
    base = f"http://127.0.0.1:{given['NORDLYD_PORT']}"
    with (
        log.open("w") as file,
        subprocess.Popen(command, env=given, stdout=file, stderr=file) as process,
    ):
        try:
            deadline = time.monotonic() + 100
            while not _is_ready(base):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.2)
            assert "Seccomp:\t2" in Path(f"/proc/{process.pid}/status").read_text()
            status, answer = post_tone(f"{base}/transcribe", key="a-key-of-the-test")
            assert (status, answer["duration"]) == (200, pytest.approx(2.0))
            status, _ = post_tone(f"{base}/jobs", key="a-key-of-the-test")
            assert status == 202
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    [line] = [line for line in log.read_text().splitlines() if "sandboxed" in line]
    assert {"rlimits", "seccomp"} <= set(re.findall(r"\w+", line))
    assert '"level": "warning"' not in line


def _is_ready(base: str) -> bool:
    try:
        with open_url(f"{base}/health/ready"):
            return True
    except OSError:
        return False
