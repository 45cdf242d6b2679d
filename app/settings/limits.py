"""The settings of what each key may use."""

from pydantic import Field
from pydantic_settings import BaseSettings

from app.keys.quotas import Quota


class QuotaSettings(BaseSettings):
    """What each key may use."""

    quotas: dict[str, Quota] = Field(
        {},
        description="JSON: a key's name or id, or * for all others, to its limits: "
        "concurrent_requests, requests_per_minute, audio_minutes_per_day. Where no key is needed, "
        "* holds for each address.",
    )
