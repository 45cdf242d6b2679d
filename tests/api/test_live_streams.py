"""The streams of a service around a model whose pace and failures a test sets."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
import soundfile
from demo_model import DEMO
from in_process import InProcess, in_process, wait_for

from app.errors import (
    EncodingError,
    InvalidRequestError,
    OverloadedError,
    StreamIdleError,
    UnavailableError,
)
from app.streaming import (
    EndpointReached,
    FinalResult,
    LiveEvent,
    LiveOptions,
    LiveStream,
    PartialResult,
    SpeechStarted,
    StreamLimits,
    Streams,
    find_vad_model,
)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """A bundled sample, float32 [samples] at 16 kHz."""
    samples, _ = soundfile.read(DEMO / "samples" / "sample-2.flac", dtype="float32")
    return samples


@asynccontextmanager
async def ready(**settings: object) -> AsyncIterator[InProcess]:
    async with in_process(**settings) as here:
        await here.until("ready")
        yield here


def streams_of(
    here: InProcess, *, count_audio: Callable[[str, float], None] | None = None, **limits: float
) -> Streams:
    return Streams(
        here.service,
        here.recognition,
        here.app.state.app_state.telemetry,
        StreamLimits(**limits),  # type: ignore[arg-type]
        find_vad_model(),
        count_audio=count_audio,
    )


async def collect(stream: LiveStream) -> list[LiveEvent]:
    return [event async for event in stream.events()]


def count(here: InProcess) -> float:
    value = here.app.state.app_state.telemetry.registry.get_sample_value("nordlyd_live_streams")
    assert value is not None
    return value


def test_audio_of_a_stream_is_counted_once_and_while_it_runs() -> None:
    async def run() -> None:
        counted: list[tuple[str, float]] = []

        def count_audio(caller: str, seconds: float) -> None:
            counted.append((caller, seconds))

        async with ready() as here:
            live = streams_of(here, count_audio=count_audio)
            stream = await live.open(LiveOptions("id", caller="key:a"))
            await stream.push(np.zeros(32_000, np.float32))
            await wait_for(lambda: counted)
            assert counted == [("key:a", 2.0)]
            await stream.push(np.zeros(8_000, np.float32))
            await stream.finish()
            await collect(stream)
            await stream.close()
            assert sum(seconds for _, seconds in counted) == 2.5

    asyncio.run(run())


def test_stream_emits_the_start_of_speech_and_the_final_text(speech: np.ndarray) -> None:
    async def run() -> list[LiveEvent]:
        async with ready() as here:
            live = streams_of(here)
            stream = await live.open(LiveOptions("id"))
            await stream.push(speech)
            await stream.finish()
            events = await collect(stream)
            assert stream.received_seconds == len(speech) / 16_000
            await stream.close()
            await stream.close()
            assert count(here) == 0
            assert here.service.idle
            return events

    events = asyncio.run(run())
    assert isinstance(events[0], SpeechStarted)
    assert isinstance(events[-2], EndpointReached)
    final = events[-1]
    assert isinstance(final, FinalResult)
    assert final.text == "a"
    assert final.words[0].stable


def test_push_waits_while_the_device_is_behind(speech: np.ndarray) -> None:
    async def run() -> None:
        async with ready() as here:
            live = streams_of(here)
            stream = await live.open(LiveOptions("id"))
            here.model.gate.clear()
            pushing = asyncio.create_task(stream.push(np.tile(speech, 20)))
            await wait_for(lambda: here.service.engine.status().queue_audio_seconds > 0)
            # The rest of 70 s waits with the client: nothing more is taken.
            taken = -1.0
            while taken != stream.received_seconds:
                taken = stream.received_seconds
                await asyncio.sleep(0.1)
            assert taken < 30
            assert not pushing.done()
            here.model.gate.set()
            await asyncio.wait_for(pushing, 20)
            await stream.finish()
            assert any(isinstance(event, FinalResult) for event in await collect(stream))
            await stream.close()

    asyncio.run(run())


def test_closed_stream_frees_its_work(speech: np.ndarray) -> None:
    async def run() -> None:
        async with ready() as here:
            live = streams_of(here)
            stream = await live.open(LiveOptions("id"))
            here.model.gate.clear()
            pushing = asyncio.create_task(stream.push(np.tile(speech, 20)))
            flushing = asyncio.create_task(stream.flush())
            await wait_for(lambda: here.service.engine.status().queue_audio_seconds > 0)
            await stream.close()
            with pytest.raises(InvalidRequestError):
                await asyncio.wait_for(pushing, 5)
            await asyncio.wait_for(flushing, 5)
            assert here.service.engine.status().queue_audio_seconds == 0
            assert here.service.idle

    asyncio.run(run())


def test_failure_ends_one_stream_and_others_continue(speech: np.ndarray) -> None:
    async def run() -> None:
        async with ready() as here:
            live = streams_of(here)
            one, other = await live.open(LiveOptions("1")), await live.open(LiveOptions("2"))
            here.model.failure = RuntimeError("broken")
            await one.push(speech)
            with pytest.raises(EncodingError):
                await collect(one)
            with pytest.raises(EncodingError):
                await one.push(speech)
            here.model.failure = None
            await other.push(speech)
            await other.finish()
            assert isinstance((await collect(other))[-1], FinalResult)
            await one.close()
            await other.close()
            assert here.service.idle

    asyncio.run(run())


def test_flush_returns_once_the_final_result_is_there(speech: np.ndarray) -> None:
    async def run() -> None:
        async with ready() as here:
            stream = await streams_of(here).open(LiveOptions("id", partials=False))
            await stream.flush()
            await stream.push(speech)
            await stream.flush()
            events = stream.events()
            first = [await asyncio.wait_for(anext(events), 1) for _ in range(3)]
            assert [type(event) for event in first] == [
                SpeechStarted, EndpointReached, FinalResult,
            ]  # fmt: skip
            await stream.finish()
            await stream.flush()
            with pytest.raises(InvalidRequestError):
                await stream.push(speech)
            await stream.close()

    asyncio.run(run())


def test_partial_results_are_not_computed_where_they_are_off(speech: np.ndarray) -> None:
    async def run(partials: bool) -> list[LiveEvent]:
        async with ready() as here:
            stream = await streams_of(here).open(LiveOptions("id", partials=partials))
            for start in range(0, len(speech), 3200):
                await stream.push(speech[start : start + 3200])
                await asyncio.sleep(0.005)
            await stream.finish()
            events = await collect(stream)
            await stream.close()
            return events

    assert any(isinstance(event, PartialResult) for event in asyncio.run(run(True)))
    assert not any(isinstance(event, PartialResult) for event in asyncio.run(run(False)))


def test_streams_over_the_limit_are_refused_until_one_ends() -> None:
    async def run() -> None:
        async with ready() as here:
            live = streams_of(here, streams=1)
            first = await live.open(LiveOptions("1"))
            with pytest.raises(OverloadedError) as refused:
                await live.open(LiveOptions("2"))
            assert refused.value.retry_after > 0
            await first.close()
            await (await live.open(LiveOptions("3"))).close()

    asyncio.run(run())


def test_unservable_options_are_refused_before_the_stream_begins() -> None:
    async def run() -> None:
        async with ready(languages=("nb",)) as here:
            live = streams_of(here)
            for options in (
                LiveOptions("id", language="da"),
                LiveOptions("id", model="other"),
            ):
                with pytest.raises(InvalidRequestError):
                    await live.open(options)
            here.service.begin_drain()
            with pytest.raises(UnavailableError):
                await live.open(LiveOptions("id"))
            assert count(here) == 0

    asyncio.run(run())


def test_replaced_connection_cannot_drop_the_stream(speech: np.ndarray) -> None:
    async def run() -> None:
        async with ready() as here:
            live = streams_of(here)
            old = await live.open(LiveOptions("id"))
            await old.push(speech[:16_000])
            new = await live.resume(old.session)
            # What the old one does now is of no effect: it is found to be broken much later.
            live.detach(old)
            await old.close()
            with pytest.raises(InvalidRequestError, match="took this session over"):
                await old.push(speech)
            with pytest.raises(InvalidRequestError, match="took this session over"):
                await collect(old)
            await new.push(speech[16_000:])
            await new.finish()
            assert isinstance((await collect(new))[-1], FinalResult)
            await new.close()
            with pytest.raises(InvalidRequestError, match="no live stream"):
                await live.resume(old.session)

    asyncio.run(run())


def test_full_queue_skips_partial_results_but_not_the_final_one(speech: np.ndarray) -> None:
    async def run() -> None:
        # Nothing fits beside anything else; a stream alone fits.
        async with ready(max_queue_seconds=0.001) as here:
            live = streams_of(here)
            streams = [await live.open(LiveOptions(str(n))) for n in range(2)]
            for stream in streams:
                await stream.push(speech)
                await stream.finish()
            for events in await asyncio.gather(*map(collect, streams)):
                assert isinstance(events[-1], FinalResult)
            for stream in streams:
                await stream.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("piece", "ends"), [(1, True), (32, True), (3_200, False)], ids=["sample", "drip", "speech"]
)
def test_stream_with_too_little_audio_is_ended(piece: int, *, ends: bool) -> None:
    async def run() -> None:
        async with ready() as here:
            live = streams_of(here, idle_seconds=0.5, min_share=0.1)
            stream = await live.open(LiveOptions("id"))
            started = time.monotonic()
            try:
                while time.monotonic() - started < 1.3:
                    await stream.push(np.zeros(piece, np.float32))
                    await asyncio.sleep(0.1)
            except StreamIdleError:
                ended = True
            else:
                ended = False
            assert ended == ends
            await stream.close()
            assert count(here) == 0

    asyncio.run(run())


def test_streams_of_one_caller_share_its_turns(speech: np.ndarray) -> None:
    async def run() -> list[str]:
        # One window a batch, so that turns are visible.
        async with ready(batch_seconds=0.1) as here:
            live = streams_of(here)
            finished: list[str] = []

            async def speak(number: int, caller: str) -> None:
                options = LiveOptions(f"id-{number}", caller=caller, partials=False)
                stream = await live.open(options)
                await stream.push(speech)
                await stream.flush()
                finished.append(caller)
                await stream.close()

            here.model.gate.clear()
            many = [asyncio.create_task(speak(number, "many")) for number in range(8)]
            queued = 8 * len(speech) / 16_000
            await wait_for(lambda: here.service.engine.status().queue_audio_seconds > 0.8 * queued)
            one = asyncio.create_task(speak(8, "one"))
            await wait_for(lambda: here.service.engine.status().queue_audio_seconds > queued)
            here.model.gate.set()
            await asyncio.gather(*many, one)
            return finished

    # The window under way, and at most those that were decoded at once with the next.
    assert asyncio.run(run()).index("one") <= 3
