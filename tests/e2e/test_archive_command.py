"""`nordlyd archive`: exit status, interruptions at any moment, and what it needs."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from archives import by_path, rows, visible
from running import NORDLYD, environment
from sounds import as_wav, tones

FILES = 200


@pytest.fixture
def settings(checkpoints: dict[str, Path], tmp_path: Path) -> dict[str, str]:
    return environment(
        {
            "MODELS": str(checkpoints["tiny-nb"]),
            "DTYPE": "float32",
            "DATA": str(tmp_path / "data"),
        }
    )


def archive(
    settings: dict[str, str], *arguments: str | Path, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [NORDLYD, "archive", *arguments], env=settings, input=stdin, capture_output=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def results_in(output: Path) -> int:
    """How many results a running archive has made durable."""
    try:
        with sqlite3.connect(f"file:{output}/.nordlyd/archive.db?mode=ro", uri=True) as database:
            [count] = database.execute("SELECT count(*) FROM results").fetchone()
    except sqlite3.Error:
        return 0
    return int(count)


def interrupt(
    settings: dict[str, str], how: int, when: Callable[[Path], bool], source: Path, output: Path
) -> tuple[int, str]:
    """Ends a run by a signal at a moment; returns its exit status and what it has printed."""
    running = subprocess.Popen(
        [NORDLYD, "archive", source, output, "--format", "text,srt"], env=settings,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 120
    while not when(output) and running.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    running.send_signal(how)
    _, printed = running.communicate(timeout=60)
    return running.returncode, printed


@pytest.fixture
def many(tmp_path: Path, clip: Callable[..., bytes]) -> Path:
    """Two hundred recordings, among them one that is none, copies, and a longer one."""
    folder = tmp_path / "in"
    for number in range(FILES):
        path = folder / f"{number % 7}" / f"{number:03}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(clip(number % 190, 1 + number % 5 / 4))
    (folder / "3" / "010.wav").write_bytes(b"no sound")
    (folder / "4" / "011.wav").write_bytes(as_wav(tones(1, 100)))
    return folder


@pytest.mark.long
def test_run_that_was_killed_several_times_gives_the_same_bytes(
    settings: dict[str, str], many: Path, tmp_path: Path
) -> None:
    assert archive(settings, many, tmp_path / "whole", "-f", "text,srt").returncode == 1
    whole = visible(tmp_path / "whole")
    assert len(rows(tmp_path / "whole")) == FILES

    output = tmp_path / "killed"
    status, _ = interrupt(
        settings, signal.SIGKILL, lambda o: (o / ".nordlyd").exists(), many, output
    )
    assert status == -signal.SIGKILL
    for enough in (30, 110):
        status, _ = interrupt(
            settings, signal.SIGKILL, lambda o, n=enough: results_in(o) >= n, many, output
        )
        assert status == -signal.SIGKILL
        # A machine may be so quick that it has them all: then it is killed while it writes them.
        assert enough <= results_in(output)
    # Nothing that looks like a result before all is done.
    assert not [*output.glob("*.parquet")]
    resumed = archive(settings, many, output, "-f", "text,srt")
    assert resumed.returncode == 1
    assert visible(output) == whole
    counted = re.search(r"200 recordings, (\d+) transcribed now, 1 with errors", resumed.stderr)
    assert counted is not None
    assert int(counted[1]) < FILES - 110


@pytest.mark.long
def test_interrupted_run_reports_it_and_the_same_command_continues(
    settings: dict[str, str], many: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    status, printed = interrupt(
        settings, signal.SIGINT, lambda o: results_in(o) >= 20, many, output
    )
    assert status == 130
    assert printed.splitlines()[-1] == "nordlyd: interrupted; the same command continues"
    kept = results_in(output)
    assert kept >= 20
    assert archive(settings, many, output, "-f", "text,srt").returncode == 1
    assert len(rows(output)) == FILES


@pytest.mark.long
def test_paths_from_stdin_exit_status_and_progress(
    settings: dict[str, str], tmp_path: Path, clip: Callable[..., bytes]
) -> None:
    good = tmp_path / "good.wav"
    good.write_bytes(clip(1))
    output = tmp_path / "out"
    done = archive(settings, "-", output, stdin=f"{good}\n".encode())
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"nordlyd: 1 recordings, 1 transcribed now ({output})\n"
    assert [*by_path(output)] == [str(good)]
    done = archive(settings, "-", output, stdin=f"{good}\n{tmp_path}/gone.wav\n".encode())
    assert done.returncode == 1
    assert "2 recordings, 0 transcribed now, 1 with errors" in done.stderr
    done = archive(settings, tmp_path / "nowhere", output)
    assert done.returncode == 1
    assert "there is no such file or folder; accepted: " in done.stderr
    assert len(rows(output)) == 2
    done = archive(settings, good, output, "--engine", "fast")
    assert done.stderr == "nordlyd: the engine is 'fast'; accepted: local or ray.\n"


@pytest.mark.long
@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("pyarrow", ["."], "archive"),
        ("obstore", ["s3://bucket/prefix"], "archive"),
        ("ray", [".", "--engine", "ray"], "ray"),
    ],
)
def test_missing_package_is_reported_in_one_line(
    settings: dict[str, str], tmp_path: Path, missing: str, arguments: list[str], extra: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.modules['{missing}'] = None")
    (tmp_path / "a.wav").write_bytes(as_wav(tones(1, 1.5)))
    done = subprocess.run(
        [NORDLYD, "archive", *arguments[:1], "out", *arguments[1:]],
        env=settings | {"PYTHONPATH": str(tmp_path)}, cwd=tmp_path, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert f"the package {missing} is not installed" in line
    assert f"pip install 'nordlyd[{extra}]'" in line


@pytest.mark.long
def test_memory_does_not_grow_with_the_archive(settings: dict[str, str], tmp_path: Path) -> None:
    """Twenty recordings of 200 s take hardly more than four: 13 MB each, decoded."""
    long = tmp_path / "long.wav"
    long.write_bytes(as_wav(tones(1, 200)))

    def peak(count: int) -> int:
        folder = tmp_path / f"in-{count}"
        folder.mkdir()
        for number in range(count):
            copy = folder / f"{number}.wav"
            shutil.copy(long, copy)
            with copy.open("r+b") as file:
                # Another content: one sample.
                file.seek(1000 + 2 * number)
                file.write(b"\x01")
        running = subprocess.Popen(
            [NORDLYD, "archive", folder, tmp_path / f"out-{count}"], env=settings
        )
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        assert running.returncode == 0
        assert len(rows(tmp_path / f"out-{count}")) == count
        return usage.ru_maxrss // 1024

    assert peak(20) - peak(4) < 100
