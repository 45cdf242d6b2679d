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

from app.cluster.arguments import settings_of
from app.cluster.replica import ModelReplica
from app.errors import ConfigurationError
from app.settings import Settings

# The engine admits requests by itself, and streams take one call each as long as they last.
_CALLS = 10_000
_HEALTH_CHECKS = 3
# Above the ten seconds in which replicas report to the controller by default.
_LOOK_BACK_SECONDS = 15.0


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
            "catalogue": settings.catalogue.resolve(),
            "store": settings.store.resolve(),
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
        },
        **scaling,
    )
    return deployment.bind(own, cards)


def application(arguments: dict[str, str]) -> serve.Application:
    """Returns the Serve application of one model, as `serve deploy` takes it.

    Args:
        arguments: `model`, as in NORDLYD_MODELS, and more as of `settings_of`.

    Raises:
        ConfigurationError: there is no model, or a setting is wrong.
    """
    others = dict(arguments)
    model = others.pop("model", None)
    if model is None:
        raise ConfigurationError("The application needs an argument: model, its id.")
    return model_application(settings_of(others), model)


def model_handle(model: str) -> DeploymentHandle:
    """Returns the handle of the replicas of a model, whose application was deployed."""
    return serve.get_app_handle(application_name(model))


def _scaling(settings: Settings) -> AutoscalingConfig:
    return AutoscalingConfig(
        min_replicas=settings.ray_min_replicas,
        max_replicas=max(settings.ray_min_replicas, settings.ray_max_replicas),
        upscale_delay_s=settings.ray_scale_up_seconds,
        downscale_delay_s=settings.ray_scale_down_seconds,
        look_back_period_s=_LOOK_BACK_SECONDS,
        policy=AutoscalingPolicy(
            policy_function="app.cluster.autoscaling:QueuedAudio",
            policy_kwargs={"replica_seconds": settings.ray_replica_seconds},
        ),
    )
