"""The API as a Serve deployment: `application` is what `serve run` and `serve deploy` take.

The settings are the NORDLYD_* variables of the ingress' processes. The replicas of each model are
Serve applications of their own, which the ingress deploys where they are not running.
"""

from fastapi import FastAPI
from ray import serve
from ray.serve.schema import LoggingConfig

from app.cluster.arguments import settings_of
from app.cluster.build import build_remote
from app.logging import configure_logging
from app.main import create_app
from app.settings import Settings

# Requests are admitted by the service itself; a live stream takes one call as long as it lasts.
_CALLS = 10_000


class Ingress:
    """Serves the API of the service.

    Args:
        settings: of the service.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        configure_logging(log_format=settings.log_format, level=settings.log_level)

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Returns the application; Ray calls it once."""
        app = create_app(self._settings, build=build_remote())
        self._service = app.state.app_state.service
        return app

    def check_health(self) -> None:
        """Raises where the models could not be loaded, so that Ray starts this anew."""
        if self._service.failure is not None:
            raise self._service.failure


def application(arguments: dict[str, str]) -> serve.Application:
    """Returns the Serve application of the API.

    Args:
        arguments: as of `settings_of`.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    settings = settings_of(arguments)
    deployment = serve.deployment(
        serve.ingress()(Ingress),
        name="api",
        max_ongoing_requests=_CALLS,
        graceful_shutdown_timeout_s=settings.drain_seconds,
        graceful_shutdown_wait_loop_s=0.2,
        logging_config=LoggingConfig(enable_access_log=False),
    )
    return deployment.bind(settings)
