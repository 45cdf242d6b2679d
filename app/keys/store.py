"""The table of API keys in the service's database."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa

from app.database import Database
from app.database.database import database_errors
from app.database.purge import purge
from app.errors import InvalidRequestError
from app.keys.quotas import AudioCounts, Quota
from app.keys.tokens import KeyToken, new_token
from app.keys.types import DEFAULT_SCOPES, SCOPES, ApiKey, Scope, usage_hour

_keys = sa.table(
    "api_keys",
    *(
        sa.column(name)
        for name in (
            "id", "name", "digest", "scopes", "quotas",
            "created_at", "expires_at", "revoked_at", "last_used_at",
        )
    ),
)  # fmt: skip

_PURGE_ATTEMPTS = 20
_PURGE_SECONDS = 0.1
# No key is left that could delete them.
_speakers = sa.table("known_speakers", sa.column("owner"))

# The form that SQLite and PostgreSQL have in common.
_ADD_AUDIO = sa.text(
    "INSERT INTO audio_usage (key_id, day, seconds) VALUES (:key_id, :day, :seconds) "
    "ON CONFLICT (key_id, day) DO UPDATE SET seconds = audio_usage.seconds + excluded.seconds"
)
_AUDIO_OF_DAY = sa.text("SELECT key_id, day, seconds FROM audio_usage WHERE day = :day")
_FORGET_AUDIO = sa.text("DELETE FROM audio_usage WHERE day < :day")


class KeyStore:
    """Creates, lists and revokes keys, and adds up the audio that they have used.

    Every method waits for the database, and raises as `Database.begin`.

    Args:
        database: of the service.
        clock: seconds since 1970.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        name: str,
        *,
        scopes: Iterable[Scope] = DEFAULT_SCOPES,
        expires_in: float | None = None,
        quota: Quota | None = None,
    ) -> tuple[ApiKey, str]:
        """Creates a key.

        Args:
            name: of its holder.
            scopes: what it allows.
            expires_in: seconds for which it is accepted; None for ever.
            quota: limits of its own; None for those in NORDLYD_QUOTAS.

        Returns:
            The key, and its text, which is kept nowhere.
        """
        token: KeyToken = new_token()
        now = self._clock()
        key = ApiKey(
            id=token.id,
            name=name,
            digest=token.digest,
            scopes=frozenset(scopes),
            quota=quota,
            created_at=now,
            expires_at=None if expires_in is None else now + expires_in,
        )
        with self._database.begin() as connection:
            connection.execute(
                sa.insert(_keys).values(
                    id=key.id,
                    name=key.name,
                    digest=key.digest,
                    scopes=",".join(sorted(key.scopes)),
                    quotas="" if quota is None else quota.model_dump_json(exclude_none=True),
                    created_at=key.created_at,
                    expires_at=key.expires_at,
                )
            )
        return key, token.text

    def list(self) -> list[ApiKey]:
        """Returns every key, the oldest first."""
        with self._database.begin() as connection:
            rows = connection.execute(sa.select(_keys).order_by(_keys.c.created_at, _keys.c.id))
            return [_key(row) for row in rows]

    def revoke(self, key_id: str) -> None:
        """Refuses a key from now on; its record stays. A revoked key may be revoked again.

        Raises:
            InvalidRequestError: there is no such key.
        """
        with self._database.begin() as connection:
            changed = connection.execute(
                sa.update(_keys)
                .where(_keys.c.id == key_id, _keys.c.revoked_at.is_(None))
                .values(revoked_at=self._clock())
            )
            if changed.rowcount == 0:
                self._require(connection.execute(_by_id(key_id)).first(), key_id)

    def remove(self, key_id: str) -> None:
        """Refuses a key from now on, removes its record, and erases its known speakers.

        Raises:
            InvalidRequestError: there is no such key.
        """
        with self._database.begin() as connection:
            self._require(connection.execute(_by_id(key_id)).first(), key_id)
            connection.execute(sa.delete(_keys).where(_keys.c.id == key_id))
            connection.execute(sa.delete(_speakers).where(_speakers.c.owner == key_id))
        with database_errors():
            for _ in range(_PURGE_ATTEMPTS):
                if purge(self._database.open(), (_keys.name, _speakers.name)):
                    return
                # A service that runs reads the database just now.
                time.sleep(_PURGE_SECONDS)

    def record_use(self, key_ids: Iterable[str]) -> None:
        """Notes that keys were accepted in this hour."""
        with self._database.begin() as connection:
            connection.execute(
                sa.update(_keys)
                .where(_keys.c.id.in_(list(key_ids)))
                .values(last_used_at=usage_hour(self._clock()))
            )

    def exchange_audio(self, counts: AudioCounts, day: int) -> AudioCounts:
        """Adds audio that was counted, and returns what all processes have counted on a day.

        What was counted on earlier days is removed.
        """
        with self._database.begin() as connection:
            if counts:
                # In one order, so that two processes do not wait for each other's rows.
                connection.execute(
                    _ADD_AUDIO,
                    [
                        {"key_id": key_id, "day": counted_on, "seconds": seconds}
                        for (key_id, counted_on), seconds in sorted(counts.items())
                    ],
                )
                connection.execute(_FORGET_AUDIO, {"day": day})
            rows = connection.execute(_AUDIO_OF_DAY, {"day": day})
            return {(row.key_id, row.day): row.seconds for row in rows}

    def _require(self, row: object | None, key_id: str) -> None:
        if row is None:
            raise InvalidRequestError(
                f"There is no key {key_id!r}; `nordlyd keys list` shows the ids.", param="id"
            )


def _by_id(key_id: str) -> sa.Select[tuple[str]]:
    return sa.select(_keys.c.id).where(_keys.c.id == key_id)


def _key(row: sa.Row[Any]) -> ApiKey:
    scopes: frozenset[Scope] = frozenset(
        scope for scope in SCOPES if scope in row.scopes.split(",")
    )
    return ApiKey(
        id=row.id,
        name=row.name,
        digest=bytes(row.digest),
        scopes=scopes,
        quota=Quota.model_validate_json(row.quotas) if row.quotas else None,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
