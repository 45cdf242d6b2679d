"""Sizes a service: audio hours a day in, replicas, transactions and bytes out."""

import math
from dataclasses import dataclass

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Demand:
    """What is to be transcribed.

    Attributes:
        audio_hours_a_day: as the name says.
        peak: the busiest hour over the mean hour.
        mean_seconds: mean length of a recording.
    """

    audio_hours_a_day: float
    peak: float
    mean_seconds: float

    @property
    def audio_s_per_s(self) -> float:
        """Audio seconds that arrive a second in the busiest hour."""
        return self.audio_hours_a_day * HOUR / DAY * self.peak

    @property
    def recordings_per_s(self) -> float:
        """Recordings that arrive a second in the busiest hour."""
        return self.audio_s_per_s / self.mean_seconds


@dataclass(frozen=True, slots=True)
class JobCosts:
    """What jobs cost besides computing, as `nordlyd bench jobs` measures it.

    Attributes:
        transactions: of the database, for each job.
        busy_transactions_per_s: of each process, while it works on long jobs.
        idle_transactions_per_s: of each process, without jobs.
        kept_bytes_per_audio_s: in storage while a job is worked on, besides the recording.
        result_bytes_per_audio_s: in storage once it has ended.
        row_bytes: in the database, for each job.
    """

    transactions: float
    busy_transactions_per_s: float
    idle_transactions_per_s: float
    kept_bytes_per_audio_s: float
    result_bytes_per_audio_s: float
    row_bytes: float


@dataclass(frozen=True, slots=True)
class Size:
    """What a demand needs.

    Attributes:
        replicas: so that each is used as asked in the busiest hour.
        encoder_hours_a_day: of one replica.
        upload_mbit_per_s: of recordings, in the busiest hour.
        transactions_per_s: of jobs, in the busiest hour.
        database_gb_a_day: of the records of jobs.
        storage_gb_a_day: of recordings and results.
        replica_hours_a_day: that are paid for where replicas are not scaled down.
    """

    replicas: int
    encoder_hours_a_day: float
    upload_mbit_per_s: float
    transactions_per_s: float
    database_gb_a_day: float
    storage_gb_a_day: float
    replica_hours_a_day: float


def replicas_for(demand: Demand, audio_s_per_s: float, utilisation: float) -> int:
    """Returns how many replicas carry the busiest hour.

    Args:
        demand: what arrives.
        audio_s_per_s: what one replica encodes.
        utilisation: share of the time in which a replica is to compute, above 0 and up to 1.
    """
    # Rounded, so that what divides evenly is not one more.
    needed = round(demand.audio_s_per_s / (audio_s_per_s * utilisation), 9)
    return max(1, math.ceil(needed))


def size_of(
    demand: Demand,
    audio_s_per_s: float,
    *,
    utilisation: float,
    upload_bytes_per_audio_s: float,
    jobs: JobCosts,
) -> Size:
    """Returns what a demand needs where all of it are jobs.

    Args:
        demand: what arrives.
        audio_s_per_s: what one replica encodes.
        utilisation: share of the time in which a replica is to compute.
        upload_bytes_per_audio_s: of the recordings as they are sent.
        jobs: what a job costs besides.
    """
    replicas = replicas_for(demand, audio_s_per_s, utilisation)
    rate, audio = demand.recordings_per_s, demand.audio_s_per_s
    of_replica = (
        utilisation * jobs.busy_transactions_per_s
        + (1 - utilisation) * jobs.idle_transactions_per_s
    )
    transactions = rate * jobs.transactions + replicas * of_replica
    jobs_a_day = demand.audio_hours_a_day * HOUR / demand.mean_seconds
    stored = upload_bytes_per_audio_s + jobs.result_bytes_per_audio_s
    return Size(
        replicas=replicas,
        encoder_hours_a_day=demand.audio_hours_a_day / audio_s_per_s,
        upload_mbit_per_s=audio * upload_bytes_per_audio_s * 8 / 1e6,
        transactions_per_s=transactions,
        database_gb_a_day=jobs_a_day * jobs.row_bytes / 1e9,
        storage_gb_a_day=demand.audio_hours_a_day * HOUR * stored / 1e9,
        replica_hours_a_day=replicas * 24.0,
    )
