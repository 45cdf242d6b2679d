"""What passes between the API and replicas: recordings, errors, metrics, devices. Without Ray."""

import pickle
import time

import numpy as np
import pytest
from prometheus_client import generate_latest
from sounds import tones

from app.audio import Recording
from app.catalogue import ModelCard
from app.cluster.devices import parse_devices
from app.cluster.messages import RecordingMessage
from app.cluster.metrics import lasting, merged
from app.errors import (
    ConfigurationError,
    InvalidRequestError,
    NordlydError,
    OverloadedError,
    QuotaExceededError,
    UnavailableError,
)
from app.pipeline import DecodedRequest, Route
from app.telemetry import Telemetry


def test_recording_is_scaled_alike_at_a_replica() -> None:
    recording = Recording.from_samples(tones(0, 3.0) + np.float32(0.1))
    route = Route(ModelCard(id="m"), "nb")
    request = DecodedRequest(
        recording, "id", route, caller="me", deadline=time.monotonic() + 50, background=True
    )
    there = pickle.loads(pickle.dumps(RecordingMessage.of(request))).request()
    assert (there.request_id, there.caller, there.background) == ("id", "me", True)
    assert 40 < there.deadline - time.monotonic() <= 50
    np.testing.assert_array_equal(
        there.recording.slice(1000, 30_000, normalise=True),
        recording.slice(1000, 30_000, normalise=True),
    )


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequestError("wrong", param="lm"),
        OverloadedError("full", retry_after=3.5),
        QuotaExceededError("used up", retry_after=2.0, headers={"RateLimit": "x"}),
        UnavailableError("stopping", code="draining", retry_after=5.0),
    ],
)
def test_error_has_its_class_and_fields_in_another_process(error: NordlydError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.__dict__ == error.__dict__
    assert str(again) == str(error)


def test_metrics_of_replicas_are_added_and_flags_are_not() -> None:
    api, one, two = Telemetry(), Telemetry(), Telemetry()
    for replica, windows in ((one, 2), (two, 5)):
        replica.batch_items.labels("m").observe(windows)
        replica.queue_seconds.set(10)
        replica.model_info.labels("m", "cpu", "float32", "torch").set(1)
        replica.ready.set(1)
    api.requests.labels("/transcribe", "200").inc(3)
    api.merge = lambda own: merged(own, [one.registry.collect(), two.registry.collect()])
    lines = generate_latest(api).decode().splitlines()  # type: ignore[arg-type]
    assert 'nordlyd_batch_items_sum{model="m"} 7.0' in lines
    assert 'nordlyd_batch_items_count{model="m"} 2.0' in lines
    assert "nordlyd_queue_audio_seconds 20.0" in lines
    assert 'nordlyd_requests_total{route="/transcribe",status="200"} 3.0' in lines
    assert next(line for line in lines if line.startswith("nordlyd_model_info{")).endswith(" 1.0")
    assert "nordlyd_ready 0.0" in lines
    assert len([line for line in lines if line.startswith("# TYPE nordlyd_batch_items ")]) == 1


def test_counters_of_a_replica_that_ended_are_kept_and_its_queue_is_not() -> None:
    api, gone = Telemetry(), Telemetry()
    gone.batch_items.labels("m").observe(4)
    gone.queue_seconds.set(10)
    kept = merged([], [lasting(gone.registry.collect())])
    api.merge = lambda own: merged(own, [kept])
    text = generate_latest(api).decode()  # type: ignore[arg-type]
    assert 'nordlyd_batch_items_sum{model="m"} 4.0' in text
    assert "nordlyd_queue_audio_seconds 0.0" in text


@pytest.mark.parametrize(
    ("given", "devices"),
    [("cpu,cpu", ("cpu", "cpu")), (" cuda:1, cuda:0 ", ("cuda:1", "cuda:0"))],
)
def test_devices_are_a_list(given: str, devices: tuple[str, ...]) -> None:
    assert parse_devices(given) == devices


@pytest.mark.parametrize("given", ["", "cuda", "cuda:0,cpu", "cuda:x", "mps"])
def test_devices_of_other_or_mixed_kinds_are_refused(given: str) -> None:
    with pytest.raises(ConfigurationError, match="accepted: devices of one kind"):
        parse_devices(given)
