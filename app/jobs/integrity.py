"""Recognises files of jobs that were damaged on the disk: cut short, or with other bytes.

What is computed of a job ends with a digest of itself; that of a recording is in its record.
"""

import hashlib
from typing import BinaryIO

_DIGEST = "sha256"
_BLOCK_BYTES = 2**20
_DIGEST_BYTES = hashlib.new(_DIGEST).digest_size


def seal(data: bytes) -> bytes:
    """Returns data with its digest at the end."""
    return data + _digest(data)


def unseal(sealed: bytes) -> bytes | None:
    """Returns data that was sealed; None where it is not what it was."""
    data, digest = sealed[:-_DIGEST_BYTES], sealed[-_DIGEST_BYTES:]
    return data if _digest(data) == digest else None


def recording_digest(source: BinaryIO) -> str:
    """Returns the digest of a recording; its file is at the beginning before and after."""
    digest = hashlib.new(_DIGEST)
    while block := source.read(_BLOCK_BYTES):
        digest.update(block)
    source.seek(0)
    return digest.hexdigest()


def _digest(data: bytes) -> bytes:
    return hashlib.new(_DIGEST, data).digest()
