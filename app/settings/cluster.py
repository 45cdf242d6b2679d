"""Settings of the service's replicas under Ray Serve, read by `nordlyd serve --ray`."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ClusterSettings(BaseSettings):
    """How many replicas each model has, and how they are watched."""

    ray_min_replicas: int = Field(1, ge=1, description="Replicas of a model, at least.")
    ray_max_replicas: int = Field(
        1, ge=1, description="Replicas of a model, at most; between both, as much as is queued."
    )
    ray_replica_seconds: float = Field(
        120.0,
        gt=0,
        description="Audio seconds queued for each replica above which another one is started.",
    )
    ray_scale_up_seconds: float = Field(
        10.0, ge=0, description="How long that must hold before a replica is started."
    )
    ray_scale_down_seconds: float = Field(
        300.0, ge=0, description="How long a replica must be one too many before it is stopped."
    )
    ray_loaded_models: int | None = Field(
        None,
        ge=1,
        description="Models loaded at once; the other ones of `models` are loaded by their first "
        "request, and the one that was idle longest leaves. Default: all.",
    )
    ray_health_seconds: float = Field(
        30.0,
        gt=0,
        description="A replica that does not answer its health check for so long is replaced.",
    )
    ray_cpus: float = Field(0.0, ge=0, description="Processor cores that Ray reserves a replica.")
    ray_gpus: float = Field(0.0, ge=0, description="Cards that Ray reserves a replica.")
