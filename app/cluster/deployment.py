"""The Serve application of one model: its deployment, as the settings configure it."""

from collections.abc import Sequence

from ray import serve
from ray.serve.config import (
    AutoscalingConfig,
    AutoscalingPolicy,
    RequestRouterConfig,
)
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from app.cluster.replica import ModelReplica
from app.settings import Settings

# The engine admits requests by itself, and streams take one call each as long as they last.
_CALLS = 10_000
_HEALTH_CHECKS = 3


def application_name(model: str) -> str:
    """Returns the name of the Serve application that has a model's replicas."""
    return f"nordlyd-{model}"


def model_application(
    settings: Settings, reference: str, devices: Sequence[str] = ()
) -> serve.Application:
    """Returns the Serve application of one model.

    Args:
        settings: of the service.
        reference: the model, as in NORDLYD_MODELS.
        devices: CUDA devices or `cpu`, one for each replica; empty scales with what is queued.
    """
    cards = tuple(device.removeprefix("cuda:") for device in devices if device != "cpu")
    # Keys and jobs stay with the API.
    own = settings.model_copy(
        update={
            "models": [reference],
            "routes": None,
            "default_language": None,
            "api_keys": [],
            "database_url": None,
            "watch": None,
            "device": "cuda" if cards else "cpu" if devices else settings.device,
        }
    )
    scaling = {"num_replicas": len(devices)} if devices else {"autoscaling_config": _scaling(own)}
    gpus = 0 if devices else settings.ray_gpus
    deployment = serve.deployment(
        ModelReplica,
        name="model",
        max_ongoing_requests=_CALLS,
        graceful_shutdown_timeout_s=settings.drain_seconds,
        graceful_shutdown_wait_loop_s=0.2,
        health_check_period_s=settings.ray_health_seconds / _HEALTH_CHECKS,
        health_check_timeout_s=settings.ray_health_seconds / _HEALTH_CHECKS,
        request_router_config=RequestRouterConfig(
            request_router_class="app.cluster.router:SessionRouter"
        ),
        logging_config=LoggingConfig(enable_access_log=False),
        ray_actor_options={
            "num_cpus": settings.ray_cpus,
            "num_gpus": gpus,
            # Ray hides every card from a replica that reserves none.
            "runtime_env": {"env_vars": {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}},
        },
        **scaling,
    )
    return deployment.bind(own, cards)


def model_handle(model: str) -> DeploymentHandle:
    """Returns the handle of the replicas of a model, whose application was deployed."""
    return serve.get_app_handle(application_name(model))


def _scaling(settings: Settings) -> AutoscalingConfig:
    return AutoscalingConfig(
        min_replicas=settings.ray_min_replicas,
        max_replicas=max(settings.ray_min_replicas, settings.ray_max_replicas),
        upscale_delay_s=settings.ray_scale_up_seconds,
        downscale_delay_s=settings.ray_scale_down_seconds,
        metrics_interval_s=1.0,
        look_back_period_s=5.0,
        policy=AutoscalingPolicy(
            policy_function="app.cluster.autoscaling:QueuedAudio",
            policy_kwargs={"replica_seconds": settings.ray_replica_seconds},
        ),
    )
