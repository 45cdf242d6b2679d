"""Chooses the storage of jobs by the setting `storage`."""

from pathlib import Path

from app.errors import ConfigurationError
from app.extras import install_hint
from app.jobs.storage.local import LocalBlobStore
from app.jobs.storage.types import BlobStore

_S3 = "s3://"


def open_storage(location: str | None, data: Path) -> BlobStore:
    """Opens the storage that a setting names; nothing is written before its first use.

    Args:
        location: a folder, or `s3://bucket/prefix`; None takes the data folder.
        data: the data folder.

    Raises:
        ConfigurationError: the location is malformed, or the extra `s3` is not installed.
    """
    if location is None:
        return LocalBlobStore(data)
    if location.startswith(_S3):
        return _open_s3(location)
    if "://" in location:
        raise ConfigurationError(
            f"NORDLYD_STORAGE is {location!r}: must be a folder or s3://bucket/prefix",
            param="storage",
        )
    return LocalBlobStore(Path(location))


def _open_s3(url: str) -> BlobStore:
    try:
        from app.jobs.storage.s3 import S3BlobStore  # noqa: PLC0415 - an optional extra
    except ModuleNotFoundError as error:
        hint = install_hint(error, preferred="s3")
        if hint is None:
            raise
        raise ConfigurationError(f"NORDLYD_STORAGE is {url!r}: {hint}", param="storage") from None
    return S3BlobStore(url)
