"""`nordlyd archive --engine ray` on a real cluster of this machine: the local engine's bytes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from archives import by_path, run, visible
from running import NORDLYD, environment
from sounds import as_wav, tones
from speaker_weights import write_weights

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

FILES = 60
SECONDS = 600


@pytest.fixture(scope="module")
def cluster(
    checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A cluster of two processors, with little memory for objects; the environment of its users."""
    folder = tmp_path_factory.mktemp("ray")
    # Paths of sockets are short.
    sockets = Path("/tmp") / f"nordlyd-ray-{os.getpid()}"
    settings = environment(
        {
            "MODELS": str(checkpoints["tiny-nb"]),
            "DTYPE": "float32",
            "MEDIA_WORKERS": "1",
            "DATA": str(folder / "data"),
        }
    ) | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    code = (
        "import sys, ray\n"
        "from app.cluster.starting import start_ray\n"
        f"start_ray(None, num_cpus=2, object_store_memory={200 * 2**20}, "
        f"_temp_dir={str(sockets)!r}, log_to_driver=False)\n"
        "print('at', ray.get_runtime_context().gcs_address, flush=True)\n"
        "sys.stdin.read()\n"
        "ray.shutdown()\n"
    )
    log = folder / "log"
    with log.open("w") as file:
        head = subprocess.Popen(
            [sys.executable, "-c", code], env=settings, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=file,
        )  # fmt: skip
    assert head.stdout is not None
    address = next((line.split()[1] for line in head.stdout if line.startswith("at ")), "")
    assert address, log.read_text()
    yield settings | {"RAY_ADDRESS": address}
    head.communicate(timeout=120)
    shutil.rmtree(sockets, ignore_errors=True)


@pytest.fixture(scope="module")
def recordings(clip: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short recordings, copies of some, one that is none, and one of two groups of windows."""
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(FILES):
        seed = number % (FILES - 5)
        (folder / f"{number:02}.wav").write_bytes(clip(seed, 1 + seed % 4 / 3))
    (folder / "03.wav").write_bytes(b"no sound")
    (folder / "silent.wav").write_bytes(as_wav(0 * tones(1, 2)))
    (folder / "long.wav").write_bytes(as_wav(tones(1, 1.3 * SECONDS)))
    return folder


@pytest.fixture(scope="module")
def local(
    checkpoints: dict[str, Path], recordings: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """What the local engine makes of them."""
    output = tmp_path_factory.mktemp("local")
    run(checkpoints["tiny-nb"], recordings, output, formats=("srt", "json"))
    rows = by_path(output)
    assert len(rows) == FILES + 2
    assert rows["long.wav"]["words"][-1]["end"] > 1.2 * SECONDS
    assert rows["03.wav"]["error"]["code"] == "unsupported_audio"
    return visible(output)


def command(source: Path, output: Path) -> list[str | Path]:
    return [NORDLYD, "archive", source, output, "--format", "srt,json", "--engine", "ray"]


def test_ray_writes_the_bytes_of_the_local_engine(
    cluster: dict[str, str], recordings: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    done = subprocess.run(
        command(recordings, output), env=cluster, capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "62 recordings, 57 transcribed now, 1 with errors" in done.stderr
    assert visible(output) == local


def test_ray_tells_the_same_speakers_apart(
    cluster: dict[str, str],
    checkpoints: dict[str, Path],
    clip: Callable[..., bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_weights(tmp_path / "store" / "speakers")
    monkeypatch.setenv("NORDLYD_STORE", str(tmp_path / "store"))
    source = tmp_path / "in"
    source.mkdir()
    for number in range(2):
        (source / f"{number}.wav").write_bytes(clip(number, 3.0))
    options = {"diarize": "true"}
    run(checkpoints["tiny-nb"], source, tmp_path / "here", formats=("srt",), options=options)
    assert {row["speakers"][0]["speaker"] for row in by_path(tmp_path / "here").values()} == {
        "speaker 1"
    }
    done = subprocess.run(
        [
            *[NORDLYD, "archive", source, tmp_path / "there", "--format", "srt"],
            *["--engine", "ray", "--diarize"],
        ],
        env=cluster | {"NORDLYD_STORE": str(tmp_path / "store")}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert visible(tmp_path / "there") == visible(tmp_path / "here")


def test_killed_run_on_ray_is_continued_to_the_same_bytes(
    cluster: dict[str, str], recordings: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    running = subprocess.Popen(command(recordings, output), env=cluster)
    until = time.monotonic() + 300
    while len([*output.glob("*.srt")]) < FILES // 4 and running.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    running.kill()
    assert running.wait(60) == -signal.SIGKILL
    assert not [*output.glob("*.parquet")]
    done = subprocess.run(
        command(recordings, output), env=cluster, capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert visible(output) == local


def test_run_continues_after_the_loss_of_its_encoder(
    cluster: dict[str, str], recordings: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    running = subprocess.Popen(
        command(recordings, output), env=cluster, text=True, stderr=subprocess.PIPE
    )
    until, lost = time.monotonic() + 300, 0
    while running.poll() is None and lost < 2:
        assert time.monotonic() < until
        started = [*output.glob("*.srt")]
        for process in psutil.process_iter(["cmdline"]):
            title = " ".join(process.info["cmdline"] or [])
            if started and title.startswith("ray::") and "EncodeAudio" in title:
                process.kill()
                lost += 1
                break
        time.sleep(0.1)
    _, printed = running.communicate(timeout=600)
    assert lost
    assert running.returncode == 1, printed
    assert visible(output) == local


def test_wrong_option_ends_a_run_on_ray_in_one_line(
    cluster: dict[str, str], recordings: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [*command(recordings, tmp_path / "out"), "--lm", "nothing"], env=cluster,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "nothing" in line
