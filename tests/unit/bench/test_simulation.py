"""The simulation of replicas is held to what queueing theory knows, and to its own accounts."""

import json

import pytest

from bench import simulate as command
from bench.simulation import Arrival, Cluster, Cost, Lengths, Outcome, poisson, simulate
from bench.sizing import Demand, JobCosts, replicas_for, size_of

CLIPS = Lengths((10.0,), (1.0,))


def run(
    rate: float, cluster: Cluster, lengths: Lengths = CLIPS, recordings: int = 4_000
) -> Outcome:
    return simulate(cluster, poisson(rate, lengths, recordings=recordings))


@pytest.mark.long
@pytest.mark.parametrize("use", [0.3, 0.7])
def test_one_replica_with_batches_of_one_waits_as_theory_says(use: float) -> None:
    # M/D/1 by Pollaczek and Khinchine: the mean wait is use * service / (2 * (1 - use)).
    service = 10.0 * 0.02
    cluster = Cluster(1, Cost(0.02), batch_seconds=10.0)
    outcome = run(use / service, cluster, recordings=20_000)
    assert outcome.utilisation == pytest.approx(use, rel=0.03)
    mean = sum(outcome.waits) / len(outcome.waits)
    assert mean == pytest.approx(use * service / (2 * (1 - use)), rel=0.08)


def test_idle_replica_answers_within_its_cost() -> None:
    cluster = Cluster(1, Cost(0.02, request=0.1, batch=0.01), extra_seconds=0.5)
    outcome = simulate(cluster, [Arrival(0.0, 50.0)])
    # 20, 20 and 10 s in one batch.
    assert outcome.responses == [pytest.approx(50 * 0.02 + 0.1 + 0.01 + 0.5)]
    assert outcome.batch_windows == 3


def test_short_recording_waits_for_one_batch_of_a_long_one() -> None:
    cluster = Cluster(1, Cost(0.1), batch_seconds=40.0)
    outcome = simulate(cluster, [Arrival(0.0, 1000.0), Arrival(0.5, 5.0)])
    assert outcome.waits[1] == pytest.approx(4.0 - 0.5)
    assert min(outcome.responses) < 10
    assert max(outcome.responses) == pytest.approx(1005 * 0.1)


def test_accounts_balance_under_overload() -> None:
    cluster = Cluster(2, Cost(0.1), patience=5.0)
    outcome = run(10.0, cluster, recordings=2_000)
    assert len(outcome.responses) == len(outcome.waits) == 2_000 - outcome.refused
    assert outcome.refused_share == pytest.approx(0.8, abs=0.05)
    assert outcome.utilisation == pytest.approx(1.0, abs=0.02)
    assert outcome.audio_s_per_s == pytest.approx(20.0, rel=0.02)
    assert outcome.wait(0.99) < 2 * 5.0


def test_one_queue_for_all_waits_less_than_one_for_each() -> None:
    cost = Cost(0.02)
    each = run(16.0, Cluster(4, cost, batch_seconds=10.0))
    shared = run(16.0, Cluster(4, cost, batch_seconds=10.0, shared_queue=True, jobs_at_once=1))
    assert shared.utilisation == pytest.approx(each.utilisation, rel=0.02)
    assert sum(shared.waits) < sum(each.waits)


def test_replicas_follow_from_audio_hours() -> None:
    demand = Demand(audio_hours_a_day=2400.0, peak=2.0, mean_seconds=100.0)
    assert demand.audio_s_per_s == pytest.approx(200.0)
    assert demand.recordings_per_s == pytest.approx(2.0)
    assert replicas_for(demand, 100.0, 0.7) == 3
    size = size_of(
        demand,
        100.0,
        utilisation=0.7,
        upload_bytes_per_audio_s=32_000,
        jobs=JobCosts(10.0, 3.0, 1.0, 0.0, 100.0, 1000.0),
    )
    assert size.encoder_hours_a_day == pytest.approx(24.0)
    assert size.transactions_per_s == pytest.approx(2 * 10 + 3 * (0.7 * 3 + 0.3 * 1))
    assert size.database_gb_a_day == pytest.approx(2400 * 36 * 1000 / 1e9)
    assert size.upload_mbit_per_s == pytest.approx(51.2)
    assert size.storage_gb_a_day == pytest.approx(2400 * 3600 * 32_100 / 1e9)


@pytest.mark.parametrize("text", ["", "a", "5:x", "-1:1", "5:0"])
def test_lengths_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="accepted"):
        Lengths.parse(text)


def test_command_prints_replicas_at_the_use_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = "--audio-hours 5000 --lengths 30 --recordings 2000 --audio-s-per-s 40"
    command.main(arguments.split())
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["replicas"] == 15
    assert result["utilisation"] == pytest.approx(5000 * 2 / 24 / 40 / 15, rel=0.1)
    assert result["refused_share"] == 0
    assert result["wait_p50_s"] <= result["wait_p95_s"] <= result["wait_p99_s"]
