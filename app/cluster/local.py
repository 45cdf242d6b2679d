"""Starts Ray on this machine, or joins a cluster, for `nordlyd serve --ray`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray import serve


@contextmanager
def ray_session() -> Iterator[None]:
    """Has Ray and Serve run while the block runs.

    Where RAY_ADDRESS names a cluster this joins it, and what it deployed there stays; otherwise it
    starts one on this machine, which ends with the block. Nothing but the replicas runs in it: no
    dashboard, and no proxy, since this process has the port.
    """
    os.environ.setdefault("RAY_SERVE_METRICS_EXPORT_INTERVAL_MS", "1000")
    address = os.environ.get("RAY_ADDRESS")
    options = {"address": address} if address else {"include_dashboard": False}
    ray.init(log_to_driver=True, configure_logging=False, **options)
    try:
        serve.start(proxy_location="Disabled")
        yield
    finally:
        ray.shutdown()
