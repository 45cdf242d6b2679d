"""Where the files of recordings go, and what is between two stages."""

import asyncio
import os
from pathlib import Path

import pytest

from app.archive.inputs import find_recordings, output_place
from app.archive.rooms import Room
from app.archive.sources import UnreadableError, open_source


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("a/b.wav", "a/b.wav"),
        ("/mnt/x.wav", "mnt/x.wav"),
        ("s3://bucket/a/x.wav", "s3/bucket/a/x.wav"),
        ("a/../../x.wav", "a/%2E%2E/%2E%2E/x.wav"),
        ("..x/..wav", "..x/..wav"),
    ],
)
def test_files_of_a_recording_stay_within_the_folder(path: str, place: str) -> None:
    assert output_place(path) == place


def test_folder_leaves_out_what_is_being_copied_and_what_is_hidden(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav.part", ".c.wav", "d.txt", "e.MP3", "f.m4a~"):
        (tmp_path / name).write_bytes(b"x")
    found = find_recordings(str(tmp_path), leave_out=tmp_path / "out")
    assert sorted(each.path for each in found) == ["a.wav", "e.MP3"]


def test_file_that_is_changed_while_it_is_read_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"before")
    source = open_source(str(path), "")
    with source.file:
        source.check_unchanged()
        path.write_bytes(b"after it was opened")
        os.utime(path, ns=(1, 1))
        with pytest.raises(UnreadableError, match="changed while it was read"):
            source.check_unchanged()


def test_room_admits_in_order_and_one_piece_beyond_its_size() -> None:
    async def enter_all() -> list[int]:
        room = Room(10)
        entered: list[int] = []
        leave = [asyncio.Event() for _ in range(3)]

        async def enter(number: int, amount: float) -> None:
            async with room.hold(amount):
                entered.append(number)
                await leave[number].wait()

        async with asyncio.TaskGroup() as tasks:
            for number, amount in enumerate((9, 50, 1)):
                tasks.create_task(enter(number, amount))
            await asyncio.sleep(0.01)
            assert entered == [0, 1]
            leave[0].set()
            await asyncio.sleep(0.01)
            assert entered == [0, 1]
            leave[1].set()
            await asyncio.sleep(0.01)
            leave[2].set()
        return entered

    assert asyncio.run(enter_all()) == [0, 1, 2]
