"""Decides how many replicas a model has, from the audio that is queued at them.

Runs in Ray Serve's controller. Custom policies are experimental in Ray 2.60, so `nordlyd[ray]`
names that version, and tests/cluster runs this on a real cluster.
"""

from typing import Any

from ray.serve.config import AutoscalingContext

QUEUED_SECONDS = "queued_audio_seconds"
"""The figure of `record_autoscaling_stats` that this reads."""


class QueuedAudio:
    """Wants one replica for each so many seconds of queued audio.

    Ray applies the bounds and delays of the deployment's configuration to what this returns.

    Args:
        replica_seconds: audio that one replica may have queued.
    """

    def __init__(self, replica_seconds: float) -> None:
        self._replica_seconds = replica_seconds

    def __call__(self, context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
        """Returns how many replicas are needed, and no state."""
        queued = (context.aggregated_metrics or {}).get(QUEUED_SECONDS, {})
        needed = sum(queued.values()) / self._replica_seconds
        return max(1.0, float(-(-needed // 1))), {}
