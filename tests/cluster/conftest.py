"""One service over Ray Serve for all tests of this folder, on a cluster of its own."""

from collections.abc import Iterator

import pytest
from cluster_server import ClusterServer

SETTINGS = {
    "MODELS": "demo-nb",
    "THREADS": "1",
    "RAY_MIN_REPLICAS": "2",
    "RAY_MAX_REPLICAS": "3",
    "RAY_REPLICA_SECONDS": "60",
    "RAY_SCALE_UP_SECONDS": "1",
    "RAY_SCALE_DOWN_SECONDS": "2",
    "RAY_HEALTH_SECONDS": "15",
    "MAX_WAIT_SECONDS": "120",
    "DRAIN_SECONDS": "10",
    "LOG_FORMAT": "json",
}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServer]:
    """`nordlyd serve --ray` with two replicas of one model; ends with a clean drain."""
    running = ClusterServer(tmp_path_factory.mktemp("cluster"), SETTINGS)
    try:
        running.wait_ready(240)
        yield running
    finally:
        status = running.stop()
    assert status == 0
