"""Reads the settings from the environment, with errors that name the variable."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from app.errors import ConfigurationError
from app.settings.model import PREFIX, Settings

# Read by nordlyd_client, perhaps on a machine that serves too.
_CLIENT_VARIABLES = frozenset({"NORDLYD_SERVER", "NORDLYD_API_KEY"})


def load_settings(environment: Mapping[str, str], **overrides: object) -> Settings:
    """Reads the settings.

    Args:
        environment: the variables and their values, for the message of an error.
        overrides: settings that take precedence over the environment; None leaves one unchanged.

    Raises:
        ConfigurationError: one line that names the variable, its value and what is accepted.
    """
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except SettingsError as error:
        # Only fields of a JSON type can get here, and only the message has the name.
        found = re.search(r'field "(\w+)"', str(error))
        variable = f"{PREFIX}{found[1] if found else '…'}".upper()
        value = environment.get(variable)
        raise ConfigurationError(f"{variable} is {value!r}: must be JSON") from None
    except ValidationError as error:
        raise ConfigurationError(_explain(error, environment)) from None


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Returns the variables that look like settings and are none: most likely typing errors."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | _CLIENT_VARIABLES
    return sorted(
        name
        for name in environment
        if name.upper().startswith(PREFIX) and name.upper() not in known
    )


def _explain(error: ValidationError, environment: Mapping[str, str]) -> str:
    reasons = []
    for issue in error.errors(include_url=False):
        variable = f"{PREFIX}{issue['loc'][0]}".upper()
        value = environment.get(variable, issue.get("input"))
        reason = str(issue["msg"]).removeprefix("Value error, ")
        if issue["type"] == "dict_type" and isinstance(issue["input"], str):
            reason = "must be JSON"
        if str(value).startswith("tcp://"):
            reason += " (Kubernetes sets this for a Service named nordlyd: turn off service links)"
        reasons.append(f"{variable} is {value!r}: {reason}")
    return "; ".join(reasons)
