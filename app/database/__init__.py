"""The database of what lasts: jobs and keys, on SQLite or PostgreSQL."""

from app.database.database import Database
from app.database.lock import FolderLock

__all__ = ["Database", "FolderLock"]
