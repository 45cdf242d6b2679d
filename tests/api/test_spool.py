"""Bodies become files, within the limits of the disk and of each caller."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from app.errors import OverloadedError
from app.storage import IN_MEMORY_BYTES, ByteBudget, spool


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    for index in range(count):
        yield bytes([index % 251]) * size


@pytest.mark.parametrize(("size", "count"), [(1_000, 3), (65_536, 80)])
def test_body_becomes_a_file_and_is_on_disk_when_large(size: int, count: int) -> None:
    file = asyncio.run(spool(chunks(size, count)))
    with file:
        data = file.read()
        assert len(data) == size * count
        assert data[::size] == bytes(index % 251 for index in range(count))
        on_disk = file._bodies.on_disk  # type: ignore[attr-defined]
        assert on_disk == (size * count > IN_MEMORY_BYTES)


def test_interrupted_body_leaves_no_open_file() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (3 * 2**20)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(spool(broken()))


FULL = """
import asyncio, resource
from app.errors import InsufficientStorageError
from app.storage import SpooledBodies

async def chunks():
    for _ in range(64):
        yield bytes(2**20)

resource.setrlimit(resource.RLIMIT_FSIZE, (8 * 2**20, 8 * 2**20))
bodies = SpooledBodies()
try:
    asyncio.run(bodies.fill(chunks()))
except InsufficientStorageError as error:
    print(error.status, error.code, "full" in error.message)
"""


def test_full_disk_is_a_507() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FULL], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.split() == ["507", "insufficient_storage", "True"]


def test_bytes_on_disk_count_for_their_caller_until_closed() -> None:
    budget = ByteBudget(10 * 2**20, name="Audio", setting="NORDLYD_SPOOL_MB")
    small = asyncio.run(spool(chunks(1_000, 3), budget.reserve("a")))
    assert budget.used == 0
    file = asyncio.run(spool(chunks(2**20, 4), budget.reserve("a")))
    assert budget.used == 4 * 2**20
    with pytest.raises(OverloadedError):
        asyncio.run(spool(chunks(2**20, 7), budget.reserve("b")))
    file.close()
    small.close()
    assert budget.used == 0
