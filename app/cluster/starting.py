"""Starts Ray on this machine, or joins a cluster."""

from typing import Any

import ray
import structlog

from app.errors import ConfigurationError

# Ray waits half a minute for its own processes, which a busy machine may exceed.
_STARTS = 3

_log = structlog.get_logger("nordlyd.cluster")


def start_ray(address: str | None, **options: Any) -> None:  # noqa: ANN401 - those of Ray
    """Starts Ray without its dashboard, or joins a cluster; `ray.shutdown` ends or leaves it.

    Args:
        address: of a cluster; None starts one on this machine.
        options: of `ray.init`.

    Raises:
        ConfigurationError: Ray cannot be started or joined.
    """
    # On loopback: whoever reaches Ray's ports may run code.
    alone = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    where: dict[str, Any] = {"address": address} if address else alone
    for attempt in range(1, _STARTS + 1):
        try:
            ray.init(configure_logging=False, **where, **options)
        # Ray raises no narrower one where its processes do not start.
        except Exception as error:
            if attempt == _STARTS or address:
                raise ConfigurationError(f"Ray cannot be used: {error}") from error
            _log.warning("ray did not start", reason=str(error))
            ray.shutdown()
        else:
            return
