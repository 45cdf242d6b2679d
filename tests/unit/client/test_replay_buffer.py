"""The replay buffer of a live stream: every byte is sent once, however connections break."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nordlyd_client import RefusedError
from nordlyd_client.replay_buffer import ReplayBuffer

SOUND = bytes(number % 251 for number in range(400_000))


async def rest_of(buffer: ReplayBuffer) -> bytes:
    taken = b""
    while (piece := await buffer.take()) is not None:
        taken += piece
    return taken


@given(
    st.lists(st.integers(0, 70_000), max_size=12),
    st.lists(st.tuples(st.integers(0, 20), st.floats(0, 1)), max_size=4),
    st.sampled_from([1, 2, 4, 6]),
)
def test_every_byte_arrives_in_order_however_connections_break(
    sizes: list[int], breaks: list[tuple[int, float]], frame: int
) -> None:
    sound = SOUND[: sum(sizes)]

    async def run() -> bytes:
        buffer = ReplayBuffer(frame, ahead=50_000, keep=len(SOUND) + 1)

        async def record() -> None:
            position = 0
            for size in sizes:
                await buffer.add(sound[position : position + size])
                position += size
            buffer.end()

        recording = asyncio.create_task(record())
        received = b""
        for pieces, share in breaks:
            sent = b""
            for _ in range(pieces):
                piece = await buffer.take()
                sent += piece or b""
                assert len(sent) % frame == 0
            arrived = int(len(sent) * share) // frame * frame
            received += sent[:arrived]
            buffer.rewind(len(received))
        received += await rest_of(buffer)
        await recording
        return received

    assert asyncio.run(run()) == sound[: len(sound) // frame * frame]


def test_received_audio_is_not_kept() -> None:
    async def run() -> None:
        buffer = ReplayBuffer(2, ahead=10**6, keep=10**6)
        await buffer.add(SOUND[:100_000])
        buffer.end()
        await rest_of(buffer)
        buffer.forget(70_000)
        buffer.rewind(70_000)
        assert await rest_of(buffer) == SOUND[70_000:100_000]
        with pytest.raises(RefusedError, match="cannot continue"):
            buffer.rewind(1_000)

    asyncio.run(run())


def test_failure_of_the_source_follows_all_audio_before_it() -> None:
    async def run() -> None:
        buffer = ReplayBuffer(2, ahead=10**6, keep=10**6)
        await buffer.add(b"ab")
        buffer.end(OSError("unplugged"))
        assert await buffer.take() == b"ab"
        with pytest.raises(OSError, match="unplugged"):
            await buffer.take()

    asyncio.run(run())


def test_rounded_position_near_the_end_counts_as_the_end() -> None:
    async def run() -> None:
        buffer = ReplayBuffer(2, ahead=10**6, keep=10**6)
        await buffer.add(SOUND[:1000])
        buffer.end()
        await rest_of(buffer)
        buffer.rewind(984)
        buffer.skip(10)
        assert len(await rest_of(buffer)) == 16
        buffer.rewind(984)
        buffer.skip(16)
        assert await buffer.take() is None

    asyncio.run(run())
