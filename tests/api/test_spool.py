"""Bodies become files, and a file seems to end once nobody wants it."""

import asyncio
import io
from collections.abc import AsyncIterator

import pytest

from app.spool import IN_MEMORY_BYTES, StoppableSource, spool


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    for index in range(count):
        yield bytes([index % 251]) * size


@pytest.mark.parametrize(("size", "count"), [(1_000, 3), (65_536, 80)])
def test_a_body_is_a_file_at_its_beginning_and_on_disk_when_large(size: int, count: int) -> None:
    file = asyncio.run(spool(chunks(size, count)))
    with file:
        data = file.read()
        assert len(data) == size * count
        assert data[::size] == bytes(index % 251 for index in range(count))
        on_disk = file._bodies._file._rolled  # type: ignore[attr-defined]
        assert on_disk == (size * count > IN_MEMORY_BYTES)


def test_a_body_that_breaks_off_leaves_no_file_open() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (3 * 2**20)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(spool(broken()))


def test_a_stopped_source_is_at_its_end_for_every_reader() -> None:
    source = StoppableSource(io.BytesIO(b"0123456789" * 1_000))
    reader = io.BufferedReader(source, 16)
    assert reader.read(4) == b"0123"
    reader.seek(1)
    assert reader.tell() == 1
    source.stop()
    reader.seek(5_000)
    assert reader.read() == b""
