"""Where uploads and decoded audio are kept: files without names, and budgets for what they take."""

from app.storage.budgets import ByteBudget, Reservation
from app.storage.files import (
    IN_MEMORY_BYTES,
    FilePart,
    FileRange,
    PatchedView,
    create_disk_file,
    create_memory_file,
    open_range,
    write_at,
)
from app.storage.room import RESERVE_BYTES, check_room
from app.storage.spool import SpooledBodies, spool

__all__ = [
    "IN_MEMORY_BYTES",
    "RESERVE_BYTES",
    "ByteBudget",
    "FilePart",
    "FileRange",
    "PatchedView",
    "Reservation",
    "SpooledBodies",
    "check_room",
    "create_disk_file",
    "create_memory_file",
    "open_range",
    "spool",
    "write_at",
]
