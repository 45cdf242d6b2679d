"""The keys that a running service accepts: those of its settings, and those of its database.

The database is read again every two seconds, so that keys are made and revoked without a restart.
The audio that keys have used is exchanged with it then.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from app.clock import SteadyClock
from app.errors import AuthenticationError, UnavailableError
from app.keys.quotas import AudioCounts, QuotaLimiter
from app.keys.tokens import KeyToken, parse_token
from app.keys.types import DEFAULT_SCOPES, ApiKey, KeyIdentity, usage_hour

if TYPE_CHECKING:
    # Imports SQLAlchemy, which a service without a database does without.
    from app.keys.store import KeyStore

REFRESH_SECONDS = 2.0
# Keys that are not known make the database be read earlier, but no more often than this.
_MISS_SECONDS = 0.5

_log = structlog.get_logger("nordlyd.keys")


class KeyRing:
    """The keys that are accepted, of which a client must present one.

    Args:
        configured: keys of the settings, with the default scopes.
        open_store: returns the keys of the database; None while there is no database. Blocks, and
            is called in a thread.
        quotas: gets the names and quotas of the keys in the database, and the audio that was
            counted on this day, by other processes too.
        clock: seconds since 1970; by default one that follows jumps only later, so that a clock
            that is set wrong neither refuses keys nor accepts those that have expired.
    """

    def __init__(
        self,
        configured: Sequence[str] = (),
        open_store: "Callable[[], KeyStore | None] | None" = None,
        *,
        quotas: QuotaLimiter | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._configured = tuple(key.encode() for key in configured)
        self._configured_ids = frozenset(configured_id(key) for key in self._configured)
        self._open_store = open_store
        self._quotas = quotas
        self._clock = clock or SteadyClock().time
        # None until the database has been read.
        self._stored: Mapping[str, ApiKey] | None = None if open_store else {}
        self._used: set[str] = set()
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")
        self._failing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def needed(self) -> bool:
        """Whether a client must present a key.

        It must where a key is set or one was ever made, even if none is accepted any more: a key
        that expires does not open the service to everyone. While the database has not been read,
        it must too.
        """
        return bool(self._configured) or self._stored is None or bool(self._stored)

    async def start(self) -> None:
        """Reads the database, now and from now on."""
        if self._open_store is not None:
            await self.refresh()
            self._task = asyncio.create_task(self._refresh_often(), name="api-keys")

    async def close(self) -> None:
        """Saves the audio that was counted last, and reads the database no more."""
        if self._task is not None:
            # Not in the middle of an exchange, whose audio would count twice or not at all.
            async with self._lock:
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            if self._quotas is not None and self._quotas.has_unsaved:
                await self.refresh()

    async def authenticate(self, presented: bytes) -> KeyIdentity:
        """Returns whose key was presented.

        Raises:
            AuthenticationError: the key is not known, was revoked or has expired.
            UnavailableError: the keys could not be read yet.
        """
        # All are compared, and in constant time, so that the time taken reveals nothing.
        matches = [hmac.compare_digest(presented, key) for key in self._configured]
        if any(matches):
            return KeyIdentity(configured_id(presented), frozenset(DEFAULT_SCOPES))
        token = parse_token(presented)
        if token is not None:
            key = self._find(token)
            if key is None:
                await self._read_after(time.monotonic())
                key = self._find(token)
            if key is not None:
                return self._accept(key)
        if self._stored is None:
            raise UnavailableError(
                "The API keys cannot be read from the database yet.", retry_after=REFRESH_SECONDS
            )
        raise AuthenticationError("This API key is not known here.")

    async def wait_until_refused(self, identity: KeyIdentity) -> None:
        """Returns once a key that was accepted is accepted no more."""
        # Expiry is no event, and nothing waits for it to the second.
        while self._is_accepted(identity):  # noqa: ASYNC110
            await asyncio.sleep(REFRESH_SECONDS)

    async def refresh(self) -> None:
        """Reads the keys of the database; keeps the former ones where that fails."""
        if self._open_store is None:
            return
        async with self._lock:
            await self._read_once(self._open_store)

    async def _read_after(self, instant: float) -> None:
        """Reads the database, unless that began after the instant; waits where it was just read."""
        if self._open_store is None:
            return
        async with self._lock:
            if self._read_at < instant:
                await asyncio.sleep(self._read_at + _MISS_SECONDS - time.monotonic())
                await self._read_once(self._open_store)

    async def _read_once(self, open_store: "Callable[[], KeyStore | None]") -> None:
        self._read_at = time.monotonic()
        used, self._used = self._used, set()
        counted = self._quotas.take_unsaved() if self._quotas is not None else {}
        try:
            stored, saved = await asyncio.to_thread(self._exchange, open_store, used, counted)
        # Every database driver has exceptions of its own.
        except Exception as error:
            self._used |= used
            self._restore(counted)
            if not self._failing:
                _log.warning("keys cannot be read", reason=str(error))
            self._failing = True
        else:
            self._failing = False
            self._update_quotas(stored)
            self._stored = stored
            if saved is None:
                self._restore(counted)
            elif self._quotas is not None:
                self._quotas.set_audio(saved)

    def _find(self, token: KeyToken) -> ApiKey | None:
        key = (self._stored or {}).get(token.id)
        if key is None or not hmac.compare_digest(token.digest, key.digest):
            return None
        return key

    def _is_accepted(self, identity: KeyIdentity) -> bool:
        if self._stored is None or identity.id in self._configured_ids:
            return True
        key = self._stored.get(identity.id)
        return key is not None and key.status(self._clock()) == "active"

    def _accept(self, key: ApiKey) -> KeyIdentity:
        status = key.status(self._clock())
        if status == "revoked":
            raise AuthenticationError("This API key was revoked.")
        if status == "expired":
            raise AuthenticationError("This API key has expired.")
        self._used.add(key.id)
        return KeyIdentity(key.id, key.scopes)

    def _update_quotas(self, stored: Mapping[str, ApiKey]) -> None:
        if self._quotas is None:
            return
        for key_id in (self._stored or {}).keys() - stored.keys():
            self._quotas.detach(key_id)
        for key in stored.values():
            self._quotas.attach(key.id, name=key.name, quota=key.quota)

    def _restore(self, counted: AudioCounts) -> None:
        if self._quotas is not None:
            self._quotas.restore_unsaved(counted)

    def _exchange(
        self,
        open_store: "Callable[[], KeyStore | None]",
        used: Iterable[str],
        counted: AudioCounts,
    ) -> tuple[Mapping[str, ApiKey], AudioCounts | None]:
        """Returns the keys, and the audio counted on this day; None where no database has it."""
        store = open_store()
        if store is None:
            return {}, None
        keys = {key.id: key for key in store.list()}
        hour = usage_hour(self._clock())
        unrecorded = [
            each for each in used if each in keys and (keys[each].last_used_at or 0) < hour
        ]
        if unrecorded:
            store.record_use(unrecorded)
        quotas = self._quotas
        if quotas is None or not (counted or quotas.counts_audio or _limit_audio(keys.values())):
            return keys, {}
        return keys, store.exchange_audio(counted, quotas.day)

    async def _refresh_often(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self.refresh()


def _limit_audio(keys: Iterable[ApiKey]) -> bool:
    return any(key.quota and key.quota.audio_minutes_per_day is not None for key in keys)


def configured_id(key: bytes) -> str:
    """Returns the id of a key of the settings: a digest, which reveals nothing of the key."""
    return hashlib.sha256(key).hexdigest()[:32]
