"""Mutated files of each container against real workers: each fails alone."""

import io
import random
import time
from collections import Counter
from concurrent.futures import Future

import psutil
import pytest
from audio_samples import FORMATS, make

from app.audio import AudioLimits, Recording
from app.audio.workers import MediaPool, PoolOptions
from app.errors import MediaCrashedError, NordlydError

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

FILES = 10_000
SEED = 20_261_128
OPTIONS = PoolOptions(workers=2, processor_seconds=10.0)
LIMITS = AudioLimits(max_seconds=60.0)
AT_ONCE = 200
# What a worker that is sound keeps, beside what decoding of one small file takes.
MAX_BYTES = 400 * 2**20


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The data with bytes changed, left out or doubled, and sometimes cut; mostly in its header."""
    out = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4, 8, 32])):
        at = chance.randrange(len(out)) if chance.random() < 0.4 else chance.randrange(300)
        at = min(at, len(out) - 1)
        match chance.randrange(6):
            case 0:
                out[at] ^= 1 << chance.randrange(8)
            case 1:
                out[at : at + 4] = chance.choice(
                    [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0"]
                )
            case 2:
                out[at : at + chance.randrange(1, 64)] = b""
            case 3:
                out[at:at] = out[at : at + chance.randrange(1, 256)]
            case 4:
                out[at : at + 2] = chance.randbytes(2)
            case 5:
                out[at:at] = chance.randbytes(chance.randrange(1, 16))
        if not out:
            out = bytearray(b"\0")
    return bytes(out[: chance.randrange(1, len(out) + 1)] if chance.random() < 0.15 else out)


def test_mutated_files_fail_alone_and_good_ones_are_decoded() -> None:
    restarts: Counter[str] = Counter()
    pool = MediaPool(OPTIONS, on_restart=lambda reason: restarts.update([reason]))
    chance = random.Random(SEED)
    names = sorted(FORMATS)
    originals = {name: make(name, seconds=0.2) for name in names}
    good = originals["flac"]
    outcomes: Counter[str] = Counter()
    kept: list[tuple[str, bytes]] = []
    try:
        pool.decode(io.BytesIO(good), limits=LIMITS).close()
        files = psutil.Process().num_fds()
        for start in range(0, FILES, AT_ONCE):
            wave: list[tuple[str, bytes, Future[Recording]]] = []
            for number in range(start, start + AT_ONCE):
                name = names[number % len(names)]
                data = good if number % 50 == 0 else mutated(originals[name], chance)
                kind = "good" if number % 50 == 0 else name
                future = pool.submit(io.BytesIO(data), limits=LIMITS, request_id=str(number))
                wave.append((kind, data, future))
            begun = time.monotonic()
            for kind, data, future in wave:
                # Raises an error that is not the service's.
                try:
                    recording = future.result(300)
                    assert 0 < recording.duration <= LIMITS.max_seconds + 1
                    recording.close()
                    outcomes["read"] += 1
                except MediaCrashedError:
                    assert kind != "good"
                    kept.append((kind, data))
                    outcomes["lost"] += 1
                except NordlydError:
                    assert kind != "good"
                    outcomes["refused"] += 1
            # Far below its bound, however many are slow.
            assert time.monotonic() - begun < 300
            sizes = [psutil.Process(pid).memory_info().rss for pid in pool.pids if alive(pid)]
            assert max(sizes) < MAX_BYTES
        assert outcomes.total() == FILES
        assert pool.decoded.used == pool.spool.used == 0
        until_settled(pool)
        assert psutil.Process().num_fds() <= files + 8
        # A lost worker is a bug of a decoder; each is one request, and not many may be.
        assert outcomes["lost"] < FILES / 100, [kind for kind, _ in kept]
        print(dict(outcomes), dict(restarts))
    finally:
        pool.close()


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def until_settled(pool: MediaPool) -> None:
    """Waits until there are as many workers as there are to be, and no more."""
    end = time.monotonic() + 30
    while len([pid for pid in pool.pids if alive(pid)]) != 1 + OPTIONS.workers:
        assert time.monotonic() < end
        time.sleep(0.05)
