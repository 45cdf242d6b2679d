"""What an API key allows: its scopes, and the caller that a presented key identifies."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from app.keys.quotas import Quota

Scope: TypeAlias = Literal["transcribe", "jobs", "admin"]

SCOPES: tuple[Scope, ...] = get_args(Scope)
DEFAULT_SCOPES: tuple[Scope, ...] = ("transcribe", "jobs")
"""Of the keys of NORDLYD_API_KEYS, and of a new key unless others are given."""

_USAGE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """The key that a client has presented and that was accepted.

    Attributes:
        id: identifies the key in logs, limits and the ownership of jobs; no secret.
        scopes: what it allows.
    """

    id: str
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as the database has it. Times are in seconds since 1970, UTC.

    Attributes:
        id: as in `KeyIdentity`; the first part of the key's text.
        name: of its holder, for people.
        digest: SHA-256 of its secret.
        scopes: what it allows.
        quota: its limits, which take the place of those in NORDLYD_QUOTAS; None for those.
        created_at: when it was made.
        expires_at: from when on it is refused; None for never.
        revoked_at: when it was revoked; None while it was not.
        last_used_at: when it was last accepted, to the hour; None if never.
    """

    id: str
    name: str
    digest: bytes
    scopes: frozenset[Scope]
    quota: Quota | None
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None

    def status(self, now: float) -> Literal["active", "expired", "revoked"]:
        """Returns whether the key is accepted, and if not, why."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and now >= self.expires_at:
            return "expired"
        return "active"


def usage_hour(now: float) -> int:
    """Returns the beginning of the hour, which is as much as is kept of a key's last use."""
    return int(now // _USAGE_SECONDS) * _USAGE_SECONDS
