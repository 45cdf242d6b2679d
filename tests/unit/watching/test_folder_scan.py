"""Finds the recordings of a folder that are whole."""

import os
from pathlib import Path

import pytest

from app.watching import FolderScan, write_error, write_outputs

SETTLE = 5.0


class Stopwatch:
    """Shows the seconds that a test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def scan(tmp_path: Path, stopwatch: Stopwatch) -> FolderScan:
    return FolderScan(tmp_path, leave_out=tmp_path / "out", settle_seconds=SETTLE, now=stopwatch)


def places(scan: FolderScan) -> list[str]:
    return [recording.place for recording in scan.whole()]


def test_recording_is_whole_once_it_has_stayed_the_same(
    tmp_path: Path, scan: FolderScan, stopwatch: Stopwatch
) -> None:
    (tmp_path / "møte.wav").write_bytes(b"RIFF")
    assert places(scan) == []
    stopwatch.seconds = SETTLE - 0.1
    assert places(scan) == []
    stopwatch.seconds = SETTLE
    assert places(scan) == ["møte.wav"]


def test_recording_that_grows_is_not_whole(
    tmp_path: Path, scan: FolderScan, stopwatch: Stopwatch
) -> None:
    path = tmp_path / "slow.wav"
    for second in range(0, 12, 3):
        stopwatch.seconds = second
        path.write_bytes(bytes(100 * (second + 1)))
        assert places(scan) == []
    stopwatch.seconds = 9 + SETTLE
    assert places(scan) == ["slow.wav"]


def test_recording_that_is_written_over_in_place_is_not_whole(
    tmp_path: Path, scan: FolderScan, stopwatch: Stopwatch
) -> None:
    path = tmp_path / "same-size.wav"
    path.write_bytes(bytes(100))
    places(scan)
    stopwatch.seconds = SETTLE - 1
    os.utime(path, ns=(0, 12345))
    places(scan)
    stopwatch.seconds = SETTLE + 1
    assert places(scan) == []


def test_recording_that_a_process_has_open_for_writing_is_not_whole(
    tmp_path: Path, scan: FolderScan, stopwatch: Stopwatch
) -> None:
    with (tmp_path / "open.wav").open("wb") as file:
        file.write(b"RIFF")
        file.flush()
        places(scan)
        stopwatch.seconds = 100
        assert places(scan) == []
    assert places(scan) == ["open.wav"]


def test_reader_of_a_recording_does_not_hold_it_up(
    tmp_path: Path, scan: FolderScan, stopwatch: Stopwatch
) -> None:
    (tmp_path / "read.wav").write_bytes(b"RIFF")
    with (tmp_path / "read.wav").open("rb"):
        places(scan)
        stopwatch.seconds = SETTLE
        assert places(scan) == ["read.wav"]


@pytest.mark.parametrize(
    "name",
    [
        "clip.wav.part", "clip.mp3.crdownload", "clip.wav~", ".clip.wav", "._clip.wav",
        "~$clip.wav",
        "clip.wav.filepart", ".hidden/clip.wav", "out/clip.wav", "notes.txt", "clip.wav.txt",
        "empty.wav",
    ],
)  # fmt: skip
def test_temporary_hidden_and_other_files_are_left_out(
    tmp_path: Path, scan: FolderScan, stopwatch: Stopwatch, name: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"" if "empty" in name else b"RIFF")
    places(scan)
    stopwatch.seconds = 100
    assert places(scan) == []


def test_file_that_is_renamed_into_place_is_found(
    tmp_path: Path, scan: FolderScan, stopwatch: Stopwatch
) -> None:
    part = tmp_path / "a.wav.part"
    part.write_bytes(b"RIFF")
    places(scan)
    stopwatch.seconds = 50
    part.rename(tmp_path / "a.wav")
    assert places(scan) == []
    stopwatch.seconds = 50 + SETTLE
    assert places(scan) == ["a.wav"]


def test_folder_that_is_gone_is_an_error_and_not_empty(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        FolderScan(tmp_path / "share").whole()


def test_results_mirror_the_folders_and_replace_the_reason_of_a_failure(tmp_path: Path) -> None:
    write_error(tmp_path, "måned/møte.wav", "No audio.")
    assert (tmp_path / "måned/møte.wav.error.txt").read_text() == "No audio.\n"
    write_outputs(tmp_path, "måned/møte.wav", {"txt": b"hei\n", "srt": b"1\n"})
    assert sorted(path.name for path in (tmp_path / "måned").iterdir()) == [
        "møte.wav.srt", "møte.wav.txt",
    ]  # fmt: skip


def test_pipe_and_folder_of_a_recordings_name_are_left_out(
    tmp_path: Path, scan: FolderScan, stopwatch: Stopwatch
) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "folder.wav").mkdir()
    places(scan)
    stopwatch.seconds = 100
    assert places(scan) == []
