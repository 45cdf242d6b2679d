"""Starts Ray on this machine, or joins a cluster, for `nordlyd serve --ray`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray
import structlog
from ray import serve

from app.errors import ConfigurationError

# Ray waits half a minute for its own processes, which a busy machine may exceed.
_STARTS = 3
# Read when Ray starts: how often replicas report what is queued, and that Ray leaves every card
# visible to a replica that reserves none, since --devices chooses by itself.
_ENVIRONMENT = {
    "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "2",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}

_log = structlog.get_logger("nordlyd.cluster")


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
        _start(address)
        serve.start(proxy_location="Disabled")
        yield
    finally:
        ray.shutdown()


def _start(address: str | None) -> None:
    # On loopback: whoever reaches Ray's ports may run code.
    alone = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    options = {"address": address} if address else alone
    for attempt in range(1, _STARTS + 1):
        try:
            ray.init(configure_logging=False, **options)
        # Ray raises no narrower one where its processes do not start.
        except Exception as error:
            if attempt == _STARTS or address:
                raise ConfigurationError(f"Ray cannot be used: {error}") from error
            _log.warning("ray did not start", reason=str(error))
            ray.shutdown()
        else:
            return
