"""One service over a Ray cluster of two network namespaces as hosts, one of which is cut off."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from cluster_load import assert_answered, assert_shared_evenly, under_load
from cluster_server import QUEUE_SECONDS, ClusterServer, kill_all, wait_for
from hosts import Host, network

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

SETTINGS = {
    "MODELS": "demo-nb",
    "THREADS": "1",
    "RAY_MIN_REPLICAS": "2",
    "RAY_MAX_REPLICAS": "2",
    "RAY_CPUS": "1",
    "RAY_HEALTH_SECONDS": "15",
    "MAX_WAIT_SECONDS": "120",
    "DRAIN_SECONDS": "10",
}
RAY = Path(sys.executable).with_name("ray")
PORT = 6399
RAY_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    # A host that is silent for about 15 s is lost; a busy one must not be taken for it.
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "4000",
    "RAY_health_check_failure_threshold": "3",
    # All "hosts" share this machine's processors with the clients, which have the default, 0.
    "RAY_worker_niceness": "0",
}


@contextmanager
def node(folder: Path, name: str, *arguments: str, host: Host | None = None) -> Iterator[None]:
    """A node of a Ray cluster; without a host it is in this namespace."""
    inside = [] if host is None else ["ip", "netns", "exec", host.name]
    path = folder / f"{name}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(
            [*inside, RAY, "start", "--block", "--object-store-memory=100000000",
             "--disable-usage-stats", *arguments],
            env=os.environ | RAY_SETTINGS, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        # Nodes of one machine that start at once get in each other's way.
        wait_for(lambda: "runtime started" in path.read_text() or process.poll() is not None)
        assert process.poll() is None, path.read_text()
        yield
    finally:
        if process.poll() is None:
            started = psutil.Process(process.pid)
            kill_all([started, *started.children(recursive=True)])
        process.wait()


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[tuple[str, Host]]:
    """A cluster with its head here, where no replica fits, and a processor on each of two hosts."""
    sockets = Path("/tmp") / f"nordlyd-ray-{os.getpid()}"
    with ExitStack() as stack:
        address, made = stack.enter_context(network(2))
        stack.callback(shutil.rmtree, sockets, ignore_errors=True)
        stack.enter_context(
            node(
                tmp_path, "head", "--head", f"--node-ip-address={address}", f"--port={PORT}",
                "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={sockets}",
            )
        )  # fmt: skip
        for number, host in enumerate(made):
            stack.enter_context(
                node(
                    tmp_path, f"host-{number}", f"--address={address}:{PORT}",
                    f"--node-ip-address={host.address}", "--num-cpus=1", host=host,
                )
            )  # fmt: skip
        yield f"{address}:{PORT}", made[1]


def namespace_of(process: psutil.Process) -> str:
    return str(Path(f"/proc/{process.pid}/ns/net").readlink())


class JoinedCluster(ClusterServer):
    """A server whose replicas are in a cluster that runs already."""

    def replicas(self) -> list[psutil.Process]:
        """The processes of its replicas, on the hosts; other tests may have a cluster here."""
        here = namespace_of(psutil.Process())
        found = []
        for process in psutil.process_iter(["cmdline"]):
            if (process.info["cmdline"] or [""])[0].startswith("ray::ServeReplica:nordlyd-"):
                # It may have ended since.
                with suppress(FileNotFoundError):
                    found += [process] if namespace_of(process) != here else []
        return found

    def has_one_room(self) -> bool:
        """Whether one replica reports the room of its queue."""
        with self.client() as client:
            limit = f"nordlyd_queue_limit_audio_seconds {QUEUE_SECONDS:.1f}\n"
            return limit in client.get("/metrics").text


def test_two_hosts_share_a_load_and_one_that_is_cut_off_loses_no_request(
    hosts: tuple[str, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, second = hosts
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    cluster = JoinedCluster(tmp_path, SETTINGS)
    try:
        cluster.wait_ready(240)
        cluster.wait_for_replicas(2)
        # One on each host.
        assert len({namespace_of(process) for process in cluster.replicas()}) == 2

        assert_shared_evenly(cluster)

        async def cut() -> None:
            second.cut()
            # Until the other host serves alone.
            await asyncio.to_thread(wait_for, cluster.has_one_room, seconds=120)

        start = time.monotonic()
        load = asyncio.run(under_load(cluster, cut, clients=2))
        assert_answered(load)
        assert time.monotonic() - start < 180
    finally:
        second.restore()
        status = cluster.stop()
    assert status == 0
