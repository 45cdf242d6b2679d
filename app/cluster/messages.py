"""The values that pass between the API and the replicas of a model."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from prometheus_client import Metric

from app.audio import AudioInfo, Recording, Samples
from app.audio.recording import MemoryStore
from app.audio.statistics import Statistics
from app.contract.answers import Notice
from app.engine import EngineStatus
from app.errors import NordlydError
from app.pipeline import DecodedRequest, HalfPrecision, ModelFacts, Route
from app.streaming import LiveEvent


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as the result of a call: raised errors would lose their class on their way."""

    error: NordlydError


@dataclass(frozen=True, slots=True)
class RecordingMessage:
    """One decoded recording, and how to recognise it; as `DecodedRequest` where names agree.

    Attributes:
        samples: 16 kHz mono; Ray passes them through shared memory.
        statistics: of all samples, so that every machine scales them alike.
        seconds_left: until the deadline, since clocks of two machines differ.
    """

    samples: Samples
    statistics: Statistics
    info: AudioInfo | None
    notices: tuple[Notice, ...]
    request_id: str
    route: Route
    caller: str
    seconds_left: float | None
    wait_for_room: bool
    background: bool

    @classmethod
    def of(cls, request: DecodedRequest) -> Self:
        """Returns the message for a request, with a copy of its samples."""
        recording = request.recording
        left = None if request.deadline is None else request.deadline - time.monotonic()
        return cls(
            samples=recording.slice(0, recording.samples),
            statistics=recording.statistics,
            info=recording.info,
            notices=recording.notices,
            request_id=request.request_id,
            route=replace(request.route, model=None),
            caller=request.caller,
            seconds_left=left,
            wait_for_room=request.wait_for_room,
            background=request.background,
        )

    def until(self, deadline: float | None) -> Self:
        """Returns the message as it is sent now, for a deadline of `time.monotonic`."""
        left = None if deadline is None else deadline - time.monotonic()
        return replace(self, seconds_left=left)

    def request(self) -> DecodedRequest:
        """Returns the request, in the process that recognises it."""
        left = self.seconds_left
        store = MemoryStore((self.samples,) if self.samples.size else ())
        return DecodedRequest(
            Recording(store, self.statistics, self.info, self.notices),
            self.request_id,
            self.route,
            caller=self.caller,
            deadline=None if left is None else time.monotonic() + left,
            wait_for_room=self.wait_for_room,
            background=self.background,
        )


@dataclass(frozen=True, slots=True)
class WindowsEncoded:
    """So many windows of so many of a recording are encoded."""

    done: int
    windows: int


@dataclass(frozen=True, slots=True)
class GroupEncoded:
    """The emissions of a group of windows, which the caller keeps."""

    name: str
    emissions: HalfPrecision


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A live stream that was opened or resumed at a replica.

    Attributes:
        connection: names the connection of this client to the stream, for further calls.
        token: names the stream at its replica.
        replica: the replica.
        caller: who opened it.
    """

    connection: str
    token: str
    replica: str
    caller: str
    model: str
    language: str
    received_seconds: float


@dataclass(frozen=True, slots=True)
class StreamEvents:
    """Events of a live stream, in order."""

    events: tuple[LiveEvent, ...]


@dataclass(frozen=True, slots=True)
class EncoderFacts:
    """What is known of a model, and of how its emissions are made.

    Attributes:
        tokens: of its vocabulary.
        hop: samples from one frame to the next.
        receptive_field: samples that one frame depends on.
    """

    facts: ModelFacts
    tokens: tuple[str, ...]
    hop: int
    receptive_field: int


@dataclass(frozen=True, slots=True)
class ReplicaReport:
    """The state of one replica.

    Attributes:
        replica: its id.
        status: of its engine.
        callers: requests, and audio in seconds, of each caller.
        real_time_factor: compute seconds per audio second.
        background_seconds: how long its batches in the background may still run.
        metrics: every metric of it.
    """

    replica: str
    status: EngineStatus
    callers: Mapping[str, tuple[int, float]]
    real_time_factor: float
    background_seconds: float
    metrics: tuple[Metric, ...]


Kept = Mapping[str, HalfPrecision]
"""Emissions of an earlier attempt, by the names of their groups."""

NO_SAMPLES: Samples = np.zeros(0, np.float32)
