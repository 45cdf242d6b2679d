"""`nordlyd watch` as a process of its own, against a real server."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docx
import pytest
from running import NORDLYD, RunningServer, environment

Clip = Callable[..., bytes]

pytestmark = pytest.mark.long


@contextmanager
def watching(server: RunningServer, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The command, which is killed at the end."""
    with subprocess.Popen(
        [NORDLYD, "watch", *arguments, "--server", server.address, "--language", "nb"],
        env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def files(folder: Path) -> set[str]:
    """The files of a folder that are not hidden."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".")
    }


def wait_for(folder: Path, expected: set[str]) -> None:
    until = time.monotonic() + 60
    while (found := files(folder)) != expected:
        assert time.monotonic() < until, found
        time.sleep(0.1)


def test_copied_recordings_are_transcribed_once_and_failures_are_listed(
    server: RunningServer, clip: Clip, tmp_path: Path
) -> None:
    source, out = tmp_path / "inn", tmp_path / "ut"
    (source / "mappe").mkdir(parents=True)
    (source / "mappe/år.wav").write_bytes(clip())
    (source / "broken.wav").write_bytes(b"no recording")
    (source / "copied.wav.part").write_bytes(clip(1))
    expected = {"mappe/år.wav.txt", "mappe/år.wav.docx", "broken.wav.error.txt"}
    with watching(server, source, out, "--format", "text,docx") as process:
        wait_for(out, expected)
        (source / "copied.wav.part").rename(source / "copied.wav")
        expected |= {"copied.wav.txt", "copied.wav.docx"}
        wait_for(out, expected)
        text = (out / "copied.wav.txt").read_text().strip()
        assert docx.Document(str(out / "copied.wav.docx")).paragraphs[1].text == text
        process.kill()
        printed, reported = process.communicate()
    assert sorted(line.split(":")[0] for line in printed.splitlines()) == [
        "copied.wav", "mappe/år.wav",
    ]  # fmt: skip
    assert "broken.wav: " in reported
    reason = (out / "broken.wav.error.txt").read_text().strip()
    assert reason
    assert reason in reported
    # After a restart, what is done stays done, and a replaced recording is done.
    (source / "mappe/år.wav").touch()
    (source / "broken.wav").write_bytes(clip(2))
    with watching(server, source, out, "--format", "text,docx") as process:
        wait_for(out, (expected - {"broken.wav.error.txt"}) | {"broken.wav.txt", "broken.wav.docx"})
        time.sleep(3)
        process.kill()
        printed, _ = process.communicate()
    assert [line.split(":")[0] for line in printed.splitlines()] == ["broken.wav"]


def test_interrupted_command_ends_as_one_and_leaves_the_folder_free(
    server: RunningServer, clip: Clip, tmp_path: Path
) -> None:
    folder = tmp_path / "inn"
    folder.mkdir()
    for number in range(2):
        with watching(server, folder) as process:
            (folder / f"{number}.wav").write_bytes(clip(number))
            # Beside the recordings, where no folder of results is named.
            wait_for(
                folder, {f"{done}.wav{end}" for done in range(number + 1) for end in ("", ".txt")}
            )
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130


def test_folder_that_does_not_exist_is_refused(server: RunningServer, tmp_path: Path) -> None:
    with watching(server, tmp_path / "nothing") as process:
        assert process.wait(30) == 1
        assert process.stderr is not None
        assert "is no folder" in process.stderr.read()
