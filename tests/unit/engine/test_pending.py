"""The admitted requests: how much of each is left, and what that means for others."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from engine_parts import RATE, constant, request_of, run, spans

from app.engine.device import work_of
from app.engine.pending import (
    Pending,
    PendingRequests,
    ServedModel,
    arrival_of,
    window_shares,
)
from app.errors import EncodingError, UnavailableError
from app.telemetry import Telemetry

# Seconds that end with a whole frame.
LONG, SHORT = 60.005, 3.005


def model(device: str, factor: float) -> ServedModel:
    """A model on a device, measured at that many compute seconds per audio second."""
    served = ServedModel(SimpleNamespace(device=device))  # type: ignore[arg-type]
    served.speed.record(audio_seconds=1.0, compute_seconds=factor)
    return served


def added(requests: PendingRequests, served: ServedModel, seconds: float, **fields: Any) -> Pending:
    request = request_of(constant(0, seconds), **fields)
    return requests.add(request, served, work_of(request, sample_rate=RATE), None)


def test_shares_of_windows_add_up_to_the_recording_without_context():
    request = request_of(constant(0, LONG))
    shares = window_shares(request)
    assert len(shares) == len(spans(round(LONG * RATE))) > 1
    assert sum(shares) == round(LONG * RATE)
    assert sum(window.stop - window.start for window in request.windows) > round(LONG * RATE)


def test_arrival_counts_audio_once_and_computing_with_its_context():
    served = model("cpu", 0.5)
    served.speed.record(audio_seconds=100.0, compute_seconds=100.0)
    request = request_of(constant(0, LONG), caller="me")
    computed = sum(window.stop - window.start for window in request.windows) / RATE
    arrival = arrival_of(request, served, RATE)
    assert (arrival.caller, arrival.audio_seconds) == ("me", LONG)
    assert arrival.compute_seconds == pytest.approx(computed * served.speed.real_time_factor)
    assert arrival.least_seconds == pytest.approx(computed * 0.5)


def test_computed_windows_and_finished_requests_are_subtracted():
    async def test() -> None:
        telemetry = Telemetry()
        requests = PendingRequests(RATE, telemetry.queue_seconds)
        long = added(requests, model("cpu", 0.5), LONG, caller="a")
        short = added(requests, model("cpu", 0.5), SHORT, caller="b")
        assert long.ticket != short.ticket
        assert requests.get(short.ticket) is short
        assert short.encode_seconds == 0
        assert requests.audio_seconds == pytest.approx(LONG + SHORT)
        requests.computed(long, 0)
        left = LONG + SHORT - long.shares[0] / RATE
        assert requests.audio_seconds == pytest.approx(left)
        assert telemetry.registry.get_sample_value("nordlyd_queue_audio_seconds") == pytest.approx(
            left
        )
        [backlog, _] = requests.backlogs()
        assert (backlog.caller, backlog.audio_seconds) == ("a", pytest.approx(left - SHORT))
        requests.remove(long)
        assert requests.get(long.ticket) is None
        assert requests.audio_seconds == SHORT
        requests.remove(short)
        assert telemetry.registry.get_sample_value("nordlyd_queue_audio_seconds") == 0

    run(test())


def test_backlog_has_the_speed_of_its_model_and_devices_share_the_work():
    async def test() -> None:
        requests = PendingRequests(RATE, Telemetry().queue_seconds)
        first = added(requests, model("cuda:0", 0.5), LONG)
        [alone] = requests.backlogs()
        assert alone.compute_seconds == pytest.approx(LONG * first.overhead * 0.5)
        added(requests, model("cuda:0", 2.0), SHORT)
        assert requests.backlogs()[1].compute_seconds == pytest.approx(2 * SHORT)
        added(requests, model("cuda:1", 0.5), SHORT)
        assert [backlog.compute_seconds for backlog in requests.backlogs()] == pytest.approx(
            [LONG * first.overhead * 0.25, SHORT, SHORT / 4]
        )

    run(test())


def test_requests_fail_once_and_only_those_of_their_thread():
    async def test() -> None:
        requests = PendingRequests(RATE, Telemetry().queue_seconds)
        hung, fine = model("cuda:0", 0.5), model("cuda:1", 0.5)
        one, other = added(requests, hung, SHORT), added(requests, fine, SHORT)
        requests.fail_all(lambda: UnavailableError("hung"), thread=hung.thread)
        assert not other.answer.done()
        requests.fail(one, EncodingError("too late"))
        one.fail(EncodingError("too late"))
        requests.fail_all(lambda: UnavailableError("stopped"))
        answers = await asyncio.gather(one.answer, other.answer, return_exceptions=True)
        assert [str(answer) for answer in answers] == ["hung", "stopped"]

    run(test())
