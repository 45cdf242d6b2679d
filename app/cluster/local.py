"""Starts Ray on this machine, or joins a cluster, for `nordlyd serve --ray`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray import serve

from app.cluster.starting import start_ray
from app.errors import ConfigurationError

# Read when Ray starts: how often replicas report what is queued, and that Ray leaves every card
# visible to a replica that reserves none, since --devices chooses by itself.
_ENVIRONMENT = {
    "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "2",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@contextmanager
def ray_session(*, own: bool) -> Iterator[None]:
    """Has Ray and Serve run while the block runs.

    Where RAY_ADDRESS names a cluster this joins it, and what it deployed there stays; otherwise it
    starts one on this machine, which ends with the block. Nothing but the replicas runs in it: no
    dashboard, and no proxy, since this process has the port.

    Args:
        own: whether Ray must be on this machine.

    Raises:
        ConfigurationError: Ray cannot be started or joined.
    """
    address = os.environ.get("RAY_ADDRESS")
    if address and own:
        raise ConfigurationError(
            f"--devices is for the devices of this machine, and RAY_ADDRESS is {address!r}: unset "
            "it, or use --ray with NORDLYD_RAY_GPUS."
        )
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        start_ray(address)
        serve.start(proxy_location="Disabled")
        yield
    finally:
        ray.shutdown()
