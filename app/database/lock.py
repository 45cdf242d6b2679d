"""Keeps a second service out of a data folder."""

from pathlib import Path

from filelock import FileLock, Timeout

from app.database.folder import make_private_folder
from app.errors import ConfigurationError


class FolderLock:
    """The lock of a data folder, which the system releases when the process ends, however it ends.

    Args:
        folder: the data folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / "lock", thread_local=False)

    def acquire(self) -> None:
        """Take the lock, unless this object has it already.

        Raises:
            ConfigurationError: another process has it, or the folder cannot be used.
        """
        if self._lock.is_locked:
            return
        make_private_folder(self._folder)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise ConfigurationError(
                f"Another process serves the data folder {self._folder}; accepted: a folder of its "
                "own for each service (NORDLYD_DATA), or a database that they share "
                "(NORDLYD_DATABASE_URL).",
                param="data",
            ) from None
        except OSError as error:
            raise ConfigurationError(
                f"The data folder {self._folder} cannot be used: {error.strerror} (NORDLYD_DATA).",
                param="data",
            ) from error

    def release(self) -> None:
        """Let another process take it."""
        self._lock.release()
