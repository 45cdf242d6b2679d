"""API keys: made on the command line, kept in the database, accepted by the running service.

`app.keys.store` is imported where it is used, because it brings SQLAlchemy along.
"""

from app.keys.quotas import Quota, QuotaLimiter
from app.keys.ring import KeyRing
from app.keys.types import DEFAULT_SCOPES, SCOPES, ApiKey, KeyIdentity, Scope

__all__ = [
    "DEFAULT_SCOPES",
    "SCOPES",
    "ApiKey",
    "KeyIdentity",
    "KeyRing",
    "Quota",
    "QuotaLimiter",
    "Scope",
]
