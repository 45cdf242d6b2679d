"""A recording whose decoder crashes, hangs or runs out of memory fails its own request only."""

import asyncio
import gc
import io
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import psutil
import pytest
import troubled_handlers as trouble
from audio_samples import FORMATS, make

from app.audio import AudioLimits, Recording, decode_audio
from app.audio.workers import MediaPool, PoolOptions
from app.deadlines import run_until_deadline
from app.errors import (
    AudioError,
    DeadlineExceededError,
    InsufficientStorageError,
    MediaCrashedError,
    NordlydError,
    UnavailableError,
)

pytestmark = pytest.mark.long

LIMITS = AudioLimits(60.0)
OPTIONS = PoolOptions(workers=2, processor_seconds=0.3, memory_mb=96, handlers="troubled_handlers")


class CountedPool(MediaPool):
    """A pool that counts why workers were replaced."""

    def __init__(self, options: PoolOptions = OPTIONS) -> None:
        self.restarts: Counter[str] = Counter()
        super().__init__(options, on_restart=lambda reason: self.restarts.update([reason]))

    def begin(self, data: bytes, caller: str = "") -> "Future[Recording]":
        return self.submit(io.BytesIO(data), limits=LIMITS, caller=caller, request_id="r-1")

    def processes(self) -> list[int]:
        return [pid for pid in self.pids if psutil.pid_exists(pid)]


@pytest.fixture(scope="module")
def pool() -> Iterator[CountedPool]:
    made = CountedPool()
    made.decode(io.BytesIO(make("wav-s16", seconds=0.1)), limits=LIMITS)
    yield made
    made.close()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def holds_nothing(pool: CountedPool) -> bool:
    """Whether all recordings that were forgotten were closed."""
    gc.collect()
    return pool.decoded.used == 0


@pytest.mark.parametrize("name", ["wav-s16", "flac", "ogg-opus", "mp3", "m4a-aac", "webm-opus"])
def test_worker_decodes_the_same_samples_as_this_process(pool: CountedPool, name: str) -> None:
    data = make(name)
    recording, here = (
        read(io.BytesIO(data), limits=LIMITS) for read in (pool.decode, decode_audio)
    )
    np.testing.assert_array_equal(
        recording.slice(0, recording.samples), here.slice(0, here.samples)
    )
    assert recording.mean == pytest.approx(here.mean, rel=1e-9)
    assert recording.variance == pytest.approx(here.variance, rel=1e-9)
    assert recording.peak == here.peak
    assert (recording.info, recording.notices) == (here.info, here.notices)


@pytest.mark.parametrize("data", [b"", b"no audio at all " * 40, make("m4a-aac")[:900]])
def test_worker_reports_the_same_error_as_this_process(pool: CountedPool, data: bytes) -> None:
    with pytest.raises(NordlydError) as here:
        decode_audio(io.BytesIO(data), limits=LIMITS)
    with pytest.raises(type(here.value)) as refused:
        pool.decode(io.BytesIO(data), limits=LIMITS)
    assert (refused.value.message, refused.value.code) == (here.value.message, here.value.code)
    assert refused.value.status == here.value.status


@pytest.mark.long
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (trouble.CRASH, "its decoder fails on it"),
        (trouble.ABORT, "its decoder fails on it"),
        (trouble.RAISE, "its decoder fails on it"),
        (trouble.LIE, "its decoder fails on it"),
        (trouble.NOISE, "its decoder fails on it"),
        (trouble.HANG, "NORDLYD_MEDIA_SECONDS"),
        (trouble.SPIN, "NORDLYD_MEDIA_SECONDS"),
        (trouble.EAT, "NORDLYD_MEDIA_MEMORY_MB"),
    ],
)
def test_crashing_recording_fails_alone(pool: CountedPool, data: bytes, message: str) -> None:
    clip = make("flac", seconds=0.5)
    before_ = pool.restarts.total()
    failing = pool.begin(data)
    good = [pool.begin(clip) for _ in range(12)]
    with pytest.raises(MediaCrashedError, match=message) as failure:
        failing.result(30)
    assert failure.value.code == "media_crashed"
    assert failure.value.status == 422
    assert [future.result(30).duration for future in good] == [0.5] * 12
    # The place is taken again.
    until(lambda: len(pool.processes()) == 1 + OPTIONS.workers)
    until(lambda: pool.restarts.total() > before_)
    assert pool.restarts.total() == before_ + 1, pool.restarts


@pytest.mark.long
def test_simultaneous_crashes_fail_no_other_recordings(pool: CountedPool) -> None:
    words = [trouble.CRASH, trouble.EAT, trouble.RAISE, trouble.SPIN, trouble.ABORT]
    clip = make("mp3", seconds=0.5)
    bad, good = [], []
    for word in words:
        bad.append(pool.begin(word, caller="another caller"))
        good += [pool.begin(clip, caller="a friend") for _ in range(4)]
    assert all(future.result(60).duration > 0.4 for future in good)
    for future in bad:
        with pytest.raises(MediaCrashedError):
            future.result(60)
    until(lambda: len(pool.processes()) == 1 + OPTIONS.workers)


def test_full_disk_is_reported_as_such(pool: CountedPool) -> None:
    with pytest.raises(InsufficientStorageError) as failure:
        pool.begin(trouble.FULL).result(30)
    assert failure.value.status == 507


def test_sandbox_blocks_files_network_and_processes(pool: CountedPool) -> None:
    with pytest.raises(AudioError) as attempt:
        pool.begin(trouble.ESCAPE).result(30)
    assert pool.sandbox is not None
    if {"landlock", "seccomp"} <= set(pool.sandbox):
        assert attempt.value.message == "escaped by: nothing"
    else:
        # An old kernel: rlimits hold, and the recording itself is never to be written.
        assert "writing to the recording" not in attempt.value.message


def test_worker_environment_has_no_secrets(
    pool: CountedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORDLYD_API_KEYS", "a-secret")
    other = CountedPool()
    try:
        other.decode(io.BytesIO(make("wav-s16", seconds=0.1)), limits=LIMITS)
        for pid in other.processes():
            assert "NORDLYD_API_KEYS" not in psutil.Process(pid).environ()
    finally:
        other.close()


def test_cancelled_recording_is_dropped(pool: CountedPool) -> None:
    for _ in range(3):
        hanging = pool.begin(trouble.SPIN)
        time.sleep(0.05)
        assert hanging.cancel()
    until(lambda: holds_nothing(pool))
    until(lambda: len(pool.processes()) == 1 + OPTIONS.workers)
    assert pool.begin(make("flac", seconds=0.5)).result(30).duration == 0.5


def test_deadline_ends_decoding(pool: CountedPool) -> None:
    async def run() -> None:
        work = asyncio.wrap_future(pool.begin(trouble.HANG))
        await run_until_deadline(time.monotonic() + 0.1, work, "decoding")

    with pytest.raises(DeadlineExceededError):
        asyncio.run(run())
    until(lambda: holds_nothing(pool))


def test_clip_does_not_wait_for_long_recordings() -> None:
    pool = CountedPool(PoolOptions(workers=2, processor_seconds=60, handlers="troubled_handlers"))
    try:
        clip = make("flac", seconds=0.5)
        assert pool.begin(clip).result(30).duration == 0.5
        # Also among recordings of the same caller: as many as half of all places.
        long = [pool.begin(trouble.slow(20), caller="one") for _ in range(6)]
        time.sleep(0.5)
        assert pool.begin(clip, caller="one").result(15).duration == 0.5
        assert pool.begin(clip, caller="two").result(15).duration == 0.5
        assert not any(future.done() for future in long)
        for future in long:
            future.cancel()
    finally:
        pool.close()


def test_one_caller_cannot_take_all_workers() -> None:
    pool = CountedPool(PoolOptions(workers=1, processor_seconds=60, handlers="troubled_handlers"))
    try:
        long = [pool.begin(trouble.slow(20), caller="greedy") for _ in range(30)]
        clip = make("flac", seconds=0.5)
        assert pool.begin(clip, caller="modest").result(15).duration == 0.5
        assert not any(future.done() for future in long)
        # The zygote, half of the eight places, and one that was free.
        assert len(pool.processes()) <= 1 + 4 + 1
        for future in long:
            future.cancel()
    finally:
        pool.close()


def test_long_recordings_alternate_and_both_finish() -> None:
    pool = CountedPool(PoolOptions(workers=1, processor_seconds=60, handlers="troubled_handlers"))
    try:
        both = [pool.begin(trouble.slow(0.8)) for _ in range(2)]
        for future in both:
            with pytest.raises(AudioError, match="slow, and no audio"):
                future.result(60)
    finally:
        pool.close()


def test_lost_zygote_is_replaced() -> None:
    pool = CountedPool()
    try:
        clip = make("flac", seconds=0.5)
        pool.begin(clip).result(30)
        hanging = pool.begin(trouble.HANG)
        time.sleep(0.1)
        os.kill(pool.pids[0], 9)
        with pytest.raises(MediaCrashedError):
            hanging.result(30)
        assert pool.begin(clip).result(30).duration == 0.5
        assert pool.restarts["zygote"] == 1
    finally:
        pool.close()


def test_close_ends_all_processes_and_fails_unfinished_recordings() -> None:
    pool = CountedPool()
    pool.begin(make("flac", seconds=0.5)).result(30)
    hanging = [pool.begin(trouble.HANG) for _ in range(5)]
    processes = pool.processes()
    files = psutil.Process().num_fds()
    pool.close()
    for future in hanging:
        with pytest.raises(UnavailableError):
            future.result(10)
    until(lambda: not any(psutil.pid_exists(pid) for pid in processes))
    assert psutil.Process().num_fds() < files
    with pytest.raises(UnavailableError):
        pool.decode(io.BytesIO(make("flac", seconds=0.5)), limits=LIMITS)


def test_no_descriptor_or_process_leaks(pool: CountedPool) -> None:
    clips = [make(name, seconds=0.2) for name in FORMATS]

    def round_() -> None:
        for future in [pool.begin(data) for data in [*clips, trouble.CRASH, b"", trouble.RAISE]]:
            future.exception(60)

    round_()
    until(lambda: holds_nothing(pool))
    files = psutil.Process().num_fds()
    round_()
    until(lambda: holds_nothing(pool))
    until(lambda: psutil.Process().num_fds() <= files + 1)


def test_files_and_parts_of_files_are_passed_without_a_copy(
    pool: CountedPool, tmp_path: Path
) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(make("flac", seconds=0.5))
    assert pool.decode(path, limits=LIMITS).duration == 0.5
    with path.open("rb") as file:
        file.seek(100)
        assert pool.decode(file, limits=LIMITS).duration == 0.5
    with pytest.raises(AudioError, match="No such file"):
        pool.decode(tmp_path / "b.flac", limits=LIMITS)
    with pytest.raises(AudioError, match="Is a directory"):
        pool.decode(tmp_path, limits=LIMITS)


def test_pipe_is_decoded_while_it_is_written(pool: CountedPool) -> None:
    data = make("flac", seconds=2.0)
    reading, writing = os.pipe()
    sent = threading.Event()

    def write() -> None:
        with io.FileIO(writing, "wb") as pipe:
            pipe.write(data[: len(data) // 2])
            assert sent.wait(30)
            pipe.write(data[len(data) // 2 :])

    thread = threading.Thread(target=write)
    thread.start()
    pieces = pool.decode_live(reading)
    try:
        received = next(pieces)
        sent.set()
        received += b"".join(pieces)
    finally:
        sent.set()
        thread.join()
        os.close(reading)
    here = decode_audio(io.BytesIO(data), limits=LIMITS)
    samples = np.frombuffer(received, np.float32)
    np.testing.assert_allclose(samples, here.slice(0, here.samples), atol=1e-6)


def test_pipe_without_audio_is_refused(pool: CountedPool) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"no audio at all " * 10)
    os.close(writing)
    with pytest.raises(AudioError):
        list(pool.decode_live(reading))
    os.close(reading)
