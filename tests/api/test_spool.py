"""Bodies become files, within what the disk and each caller may take."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.spool import IN_MEMORY_BYTES, spool


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
        on_disk = file._bodies.on_disk  # type: ignore[attr-defined]
        assert on_disk == (size * count > IN_MEMORY_BYTES)


def test_a_body_that_breaks_off_leaves_no_file_open() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (3 * 2**20)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(spool(broken()))
