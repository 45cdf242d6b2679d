"""Keeps recordings that are uploaded before the request that uses them.

AssemblyAI's clients send a recording first, and then hand in the URL that it has.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import BinaryIO

from app.errors import BlobNotFoundError, InvalidRequestError
from app.jobs.storage import AUDIO, BlobStore
from app.jobs.types import Owner

KEEP_SECONDS = 24 * 3600.0
"""How long an upload waits for its request."""
_SWEEP_SECONDS = 3600.0
_FOLDER = "uploads"
# The time in hexadecimal seconds, and 128 random bits.
_ID = re.compile(r"up_([0-9a-f]{10})[0-9a-f]{32}")


class UploadStore:
    """Implements `Uploads`.

    Args:
        blobs: keeps them.
        open_store: awaited before each use, for what must be open or locked.
        now: the time in seconds since 1970.
    """

    def __init__(
        self,
        blobs: BlobStore,
        open_store: Callable[[], Awaitable[object]],
        now: Callable[[], float],
    ) -> None:
        self._blobs = blobs
        self._open_store = open_store
        self._now = now
        self._swept: float | None = None

    async def keep(self, owner: Owner, source: BinaryIO) -> str:
        """See `Uploads`."""
        with source:
            await self._open_store()
            size = source.seek(0, os.SEEK_END)
            source.seek(0)
            await self._blobs.check_room(size)
            upload_id = f"up_{int(self._now()):010x}{secrets.token_hex(16)}"
            await self._blobs.put(_prefix(owner, upload_id) + AUDIO, source)
        return upload_id

    async def open(self, owner: Owner, upload_id: str) -> BinaryIO:
        """See `Uploads`."""
        await self._open_store()
        try:
            if _ID.fullmatch(upload_id):
                return await self._blobs.open(_prefix(owner, upload_id) + AUDIO)
        except BlobNotFoundError:
            pass
        raise InvalidRequestError(
            "There is no such upload, or not any more; accepted: one that was sent with the same "
            f"key within {KEEP_SECONDS / 3600:g} hours and not handed in yet.",
            param="audio_url",
        )

    async def erase(self, owner: Owner, upload_id: str) -> None:
        """See `Uploads`."""
        await self._blobs.delete_prefix(_prefix(owner, upload_id))

    async def sweep(self) -> None:
        """Erases uploads that were not handed in within a day; looks once an hour.

        Raises:
            JobsUnavailableError: the storage cannot be reached.
        """
        now = self._now()
        if self._swept is not None and abs(now - self._swept) < _SWEEP_SECONDS:
            return
        for folder in await self._blobs.folders(f"{_FOLDER}/"):
            for upload in await self._blobs.folders(folder):
                found = _ID.fullmatch(upload.split("/")[-2])
                if found is not None and int(found[1], 16) + KEEP_SECONDS < now:
                    await self._blobs.delete_prefix(upload)
        self._swept = now


def _prefix(owner: Owner, upload_id: str) -> str:
    folder = hashlib.sha256(owner.encode()).hexdigest()[:32]
    return f"{_FOLDER}/{folder}/{upload_id}/"
