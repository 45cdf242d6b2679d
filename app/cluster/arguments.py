"""Settings from the arguments of a Serve application."""

import os
from collections.abc import Mapping

from app.settings import Settings, load_settings
from app.settings.model import PREFIX


def settings_of(arguments: Mapping[str, str]) -> Settings:
    """Returns the settings of the environment, with some replaced.

    Args:
        arguments: settings by their names in lower case, without prefix, written as in the
            environment.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    before = dict(os.environ)
    os.environ.update({f"{PREFIX}{name.upper()}": value for name, value in arguments.items()})
    try:
        return load_settings(os.environ)
    finally:
        os.environ.clear()
        os.environ.update(before)
