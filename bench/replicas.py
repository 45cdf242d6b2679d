"""Services whose processes are pinned to cores: one process, or replicas under Ray Serve."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.service import Running, ServiceError, nordlyd

# How Ray names the process of a replica.
_REPLICA = "ray::ServeReplica:nordlyd-"
_WAIT_SECONDS = 120.0
_POLL_SECONDS = 0.1


@contextmanager
def one_process(models: Sequence[Path | str], core: int, **settings: object) -> Iterator[Running]:
    """The service as one process, on one core."""
    with nordlyd(models, folder=None, **settings) as service:
        pin(psutil.Process(service.pid), core)
        yield service


@contextmanager
def under_ray(
    models: Sequence[Path | str], cores: Sequence[int], **settings: object
) -> Iterator[Running]:
    """The service with a replica of the model on each of these cores.

    What is not a replica, as the process that has the port, runs on any core.
    """
    settings |= {"ray_min_replicas": len(cores), "ray_max_replicas": len(cores)}
    with own_cluster(models, **settings) as service:
        found = wait_for_replicas(service, len(cores))
        for process, core in zip(found, cores, strict=True):
            pin(process, core)
        yield service


@contextmanager
def own_cluster(models: Sequence[Path | str], **settings: object) -> Iterator[Running]:
    """The service with replicas under a Ray of its own, whatever else runs on this machine."""
    # Ray's sockets are in the folder, and their paths have at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="nordlyd-", dir="/tmp") as folder:
        before = {name: os.environ.pop(name, None) for name in ("RAY_ADDRESS", "RAY_TMPDIR")}
        os.environ["RAY_TMPDIR"] = folder
        try:
            with nordlyd(models, ["--ray"], folder=None, **settings) as service:
                yield service
        finally:
            os.environ.pop("RAY_TMPDIR")
            os.environ.update({name: value for name, value in before.items() if value})


def wait_for_replicas(service: Running, count: int) -> Sequence[psutil.Process]:
    """Waits until a service has so many replicas, and returns their processes.

    Raises:
        ServiceError: it has not within two minutes.
    """
    until = time.monotonic() + _WAIT_SECONDS
    while len(found := replicas(service)) != count:
        if time.monotonic() > until:
            raise ServiceError(f"{len(found)} replicas instead of {count}")
        time.sleep(_POLL_SECONDS)
    return found


def replicas(service: Running) -> list[psutil.Process]:
    """Returns the processes of a service's replicas, the oldest first."""
    found: list[psutil.Process] = []
    for process in psutil.Process(service.pid).children(recursive=True):
        try:
            if _REPLICA in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return sorted(found, key=lambda process: process.create_time())


def pin(process: psutil.Process, core: int) -> None:
    """Has a process with all of its threads, and its children, run on one core."""
    for each in [process, *process.children(recursive=True)]:
        for thread in each.threads():
            os.sched_setaffinity(thread.id, {core})


def until(condition: Callable[[], bool], what: str) -> float:
    """Waits until a condition holds; returns after how many seconds it did.

    Raises:
        ServiceError: it does not within two minutes.
    """
    began = time.perf_counter()
    while not condition():
        if time.perf_counter() - began > _WAIT_SECONDS:
            raise ServiceError(f"{what} not within {_WAIT_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)
    return time.perf_counter() - began
