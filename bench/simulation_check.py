"""Compares the simulation of replicas with two real ones, under the same arrivals."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.open_loop import Answer, generator
from bench.service import Client, Running, ServiceError
from bench.simulation import Cluster, Cost, Lengths, poisson, simulate
from bench.sounds import Upload

CLIP_SECONDS = 5.0
LENGTHS = Lengths((CLIP_SECONDS, 20.0), (0.7, 0.3))
"""Of the clips; each is one window."""
USE = 0.7
"""How busy the replicas are to be."""
_OK = 200
_REPLICAS = 2
_CLIENTS = 8
_SETTLE_SECONDS = 2.0
_LOADED_SECONDS = 10.0
_IDLE_CLIPS = 12


@dataclass(frozen=True, slots=True)
class Round:
    """One real load and its simulation; seconds to an answer.

    Attributes:
        real: mean and 95th percentile.
        simulated: the same.
        utilisation: of the replicas, simulated.
    """

    real: tuple[float, float]
    simulated: tuple[float, float]
    utilisation: float


@dataclass(frozen=True, slots=True)
class Check:
    """The simulation beside the real run of two replicas, in a few rounds one after the other.

    A machine whose neighbours work too is faster in one round than in the next, by a third where
    this was measured: the medians of the rounds are compared.
    """

    rounds: Sequence[Round]

    @property
    def real(self) -> tuple[float, float]:
        """Mean and 95th percentile of the seconds to an answer; medians of the rounds."""
        return _medians([each.real for each in self.rounds])

    @property
    def simulated(self) -> tuple[float, float]:
        """The same, simulated."""
        return _medians([each.simulated for each in self.rounds])

    @property
    def utilisation(self) -> float:
        """Of the replicas, simulated."""
        return float(np.median([each.utilisation for each in self.rounds]))

    @property
    def mean_error(self) -> float:
        """How far the simulated mean is off, as a share of the real one."""
        return abs(self.simulated[0] / self.real[0] - 1)

    @property
    def p95_error(self) -> float:
        """The same of the 95th percentile."""
        return abs(self.simulated[1] / self.real[1] - 1)


async def rate(
    service: Running,
    bodies: Mapping[float, bytes],
    seconds: float,
    *,
    clip_seconds: float = CLIP_SECONDS,
) -> float:
    """Audio seconds a second that eight clients get clips of a length answered at.

    Raises:
        ServiceError: one was not answered with a transcript.
    """
    async with generator(service.port, bodies[clip_seconds], "audio/wav") as load:
        await load.at_once(_CLIENTS, seconds=_SETTLE_SECONDS)
        answers = await load.at_once(_CLIENTS, seconds=seconds)
    _check(answers)
    last = max(answer.answered for answer in answers)
    return len(answers) * clip_seconds / (last - min(answer.sent for answer in answers))


async def check_simulation(
    service: Running, bodies: Mapping[float, bytes], seconds: float, *, rounds: int
) -> Check:
    """Measures the costs of a replica, loads both, and simulates the same arrivals, in rounds.

    Raises:
        ServiceError: a clip was not answered with a transcript.
    """
    return Check([await _round(service, bodies, seconds, seed) for seed in range(rounds)])


async def _round(
    service: Running, bodies: Mapping[float, bytes], seconds: float, seed: int
) -> Round:
    cluster = await _measured(service, bodies, min(_LOADED_SECONDS, seconds))
    cost = cluster.cost
    each = cost.request + cost.batch + cost.audio_second * LENGTHS.mean
    frequency = USE * cluster.replicas / each
    recordings = max(2, round(frequency * seconds))
    arrivals = poisson(frequency, LENGTHS, recordings=recordings, seed=seed)
    start = time.perf_counter() + 0.1
    sent = []
    for length in LENGTHS.seconds:
        offsets = [arrival.at for arrival in arrivals if arrival.seconds == length]
        sent.append(_send(service, bodies[length], start, offsets))
    answers = [answer for some in await asyncio.gather(*sent) for answer in some]
    _check(answers)
    real = [answer.seconds for answer in answers]
    simulated = simulate(cluster, arrivals)
    return Round(
        (float(np.mean(real)), float(np.quantile(real, 0.95))),
        (float(np.mean(simulated.responses)), simulated.response(0.95)),
        simulated.utilisation,
    )


async def _send(
    service: Running, body: bytes, start: float, offsets: Sequence[float]
) -> Sequence[Answer]:
    async with generator(service.port, body, "audio/wav") as load:
        return await load.at_times(start, offsets)


async def _measured(service: Running, bodies: Mapping[float, bytes], seconds: float) -> Cluster:
    """Returns two replicas that cost what the real ones do.

    Idle, a clip takes a replica its own time: encoding, of which what is left for a length of zero
    is the cost of a batch, and decoding. Under full load it takes a core longer, by the work of the
    API, the proxy and the clients, which here have no core of their own. That work delays a replica
    where its core is busy, with the probability `USE`, and otherwise takes a core that is free.
    What an idle answer takes besides occupies no replica.
    """
    short, medium = LENGTHS.seconds
    idle, encode, own, taken = {}, {}, {}, {}
    with Client(service.port) as client:
        for length in LENGTHS.seconds:
            upload = Upload.of(bodies[length])
            answers = [_timed(client, upload) for _ in range(_IDLE_CLIPS)]
            idle[length] = float(np.median([seconds for seconds, _ in answers]))
            encode[length] = float(np.median([timing["encode"] for _, timing in answers]))
            decode = float(np.median([timing["decode_text"] for _, timing in answers]))
            own[length] = encode[length] + decode
        slope = (encode[medium] - encode[short]) / (medium - short)
        batch = max(0.0, encode[short] - short * slope)
        for length in LENGTHS.seconds:
            before = _batches(client)
            loaded = await rate(service, bodies, seconds, clip_seconds=length)
            windows, batches = np.subtract(_batches(client), before)
            full = _REPLICAS * length / loaded - batch * batches / max(1.0, windows)
            alone = own[length] - batch
            taken[length] = alone + USE * max(0.0, full - alone)
    audio_second = (taken[medium] - taken[short]) / (medium - short)
    request = max(0.0, taken[short] - short * audio_second)
    extra = max(0.0, idle[short] - own[short])
    return Cluster(_REPLICAS, Cost(audio_second, request, batch), extra_seconds=extra)


def _timed(client: Client, upload: Upload) -> tuple[float, dict[str, Any]]:
    start = time.perf_counter()
    answer = client.transcribe(upload)
    return time.perf_counter() - start, answer["timing"]


def _batches(client: Client) -> tuple[float, float]:
    """The windows and the batches that were encoded so far."""
    return (
        client.metric("nordlyd_batch_items_sum"),
        client.metric("nordlyd_batch_items_count"),
    )


def _medians(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    mean, p95 = np.median(pairs, axis=0)
    return float(mean), float(p95)


def _check(answers: Sequence[Answer]) -> None:
    if statuses := {answer.status for answer in answers} - {_OK}:
        raise ServiceError(f"clips were answered with {sorted(statuses)}")
