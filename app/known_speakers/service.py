"""Adds, lists, uses and erases the known speakers of each caller."""

import asyncio
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.audit import AuditLog
from app.contract.speakers import MAX_KNOWN_SPEAKERS, KnownSpeaker
from app.database import Database
from app.errors import InvalidRequestError, SpeakerNotFoundError
from app.known_speakers.samples import VoiceSample, VoiceSampler
from app.speakers import KnownVoice

# SQLAlchemy is imported by the first use.
if TYPE_CHECKING:
    from app.known_speakers.store import SpeakerStore

_PURGE_SECONDS = 1.0


class KnownSpeakers:
    """The known speakers of all callers.

    Listing and deleting work also where the operator does not allow more speakers, or any more.

    Args:
        database: of the service; not made before the first speaker is added.
        sampler: turns samples into voices.
        audit: has a line for each speaker that is added or deleted.
        enabled: whether the operator allows that speakers are added and used.

    Attributes:
        sampler: as given.
        enabled: as given.
    """

    def __init__(
        self, database: Database, sampler: VoiceSampler, audit: AuditLog, *, enabled: bool
    ) -> None:
        self.sampler = sampler
        self.enabled = enabled
        self._database = database
        self._audit = audit
        self._purging: asyncio.Task[None] | None = None

    def check_enabled(self) -> None:
        """Does nothing where known speakers may be added and used.

        Raises:
            InvalidRequestError: the operator does not allow it.
        """
        if not self.enabled:
            raise InvalidRequestError(
                "This service keeps no voices of known speakers (NORDLYD_KNOWN_SPEAKERS).",
                param="known_speakers",
            )

    async def add(self, owner: str, name: str, sample: VoiceSample) -> KnownSpeaker:
        """Keeps the voice of a speaker under a caller's key.

        Args:
            owner: id of the key; empty where no key is needed.
            name: of the speaker; may be that of an earlier sample.
            sample: of the voice.

        Raises:
            InvalidRequestError: the operator does not allow it, or the owner has too many.
            JobsUnavailableError, InsufficientStorageError: the database cannot be written.
        """
        self.check_enabled()
        speaker = KnownSpeaker(
            id=f"spk_{secrets.token_hex(16)}",
            name=name,
            seconds=round(sample.seconds, 3),
            created_at=datetime.now(UTC),
        )
        if not await self._store().add(owner, speaker, sample.embedding, MAX_KNOWN_SPEAKERS):
            raise InvalidRequestError(
                f"There are {MAX_KNOWN_SPEAKERS} known speakers already, the most that are "
                "accepted; delete some first.",
                param="name",
            )
        await self._audit.record("speaker_added", speaker.id, owner, kind="speaker")
        return speaker

    async def of_owner(self, owner: str) -> tuple[KnownSpeaker, ...]:
        """Returns the known speakers of a caller, the oldest first."""
        return tuple(await self._store().of_owner(owner)) if self._database.exists else ()

    async def voices(self, owner: str) -> tuple[KnownVoice, ...]:
        """Returns the voices of a caller's known speakers.

        Raises:
            InvalidRequestError: the operator does not allow it.
        """
        self.check_enabled()
        return await self._store().voices(owner) if self._database.exists else ()

    async def delete(self, owner: str, speaker_id: str) -> None:
        """Erases a known speaker of a caller, also from the files of the database.

        Raises:
            SpeakerNotFoundError: the caller has no such speaker.
        """
        if not self._database.exists or not await self._store().delete(owner, speaker_id):
            raise SpeakerNotFoundError(
                f"There is no known speaker {speaker_id[:100]!r}.", param="id"
            )
        await asyncio.shield(self._finish_deletion(owner, speaker_id))

    async def stop(self) -> None:
        """Stops what runs in the background."""
        if self._purging is not None:
            self._purging.cancel()
            await asyncio.wait({self._purging})

    async def _finish_deletion(self, owner: str, speaker_id: str) -> None:
        await self._audit.record("speaker_deleted", speaker_id, owner, kind="speaker")
        if not await self._purge() and (self._purging is None or self._purging.done()):
            self._purging = asyncio.create_task(self._purge_later(), name="purge-speakers")

    async def _purge(self) -> bool:
        from app.known_speakers.store import TABLE  # noqa: PLC0415 - imports SQLAlchemy

        return await self._database.purge((TABLE,))

    async def _purge_later(self) -> None:
        """Purges as soon as no other program reads the database."""
        while not await self._purge():  # noqa: ASYNC110 - no event has it
            await asyncio.sleep(_PURGE_SECONDS)

    def _store(self) -> "SpeakerStore":
        from app.known_speakers.store import SpeakerStore  # noqa: PLC0415 - imports SQLAlchemy

        return SpeakerStore(self._database)
