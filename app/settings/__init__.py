"""Every setting of the service, read from the environment with the prefix NORDLYD_."""

from app.settings.environment import load_settings, unknown_variables
from app.settings.model import Settings

__all__ = ["Settings", "load_settings", "unknown_variables"]
