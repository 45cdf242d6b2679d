"""Builds the fetcher of the settings."""

from typing import TYPE_CHECKING

from app.errors import ConfigurationError
from app.fetching.fetcher import Fetcher, FetchLimits
from app.fetching.rules import parse_rule

if TYPE_CHECKING:
    from app.settings import Settings


def build_fetcher(settings: "Settings") -> Fetcher | None:
    """Builds what connects to URLs of requests; None where the operator allows no hosts.

    Raises:
        ConfigurationError: a pattern of hosts is not valid.
    """
    if not settings.url_hosts:
        return None
    try:
        rules = [parse_rule(pattern) for pattern in settings.url_hosts]
    except ValueError as error:
        raise ConfigurationError(f"NORDLYD_URL_HOSTS: {error}", param="url_hosts") from None
    megabytes = settings.url_max_mb or settings.max_upload_mb
    return Fetcher(rules, FetchLimits(round(megabytes * 2**20), settings.url_timeout))
