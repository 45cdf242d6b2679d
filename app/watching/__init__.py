"""Finds the recordings in a folder that are whole, and writes what became of them.

The client ships these modules too, so they import nothing else of the service.
"""

from .outputs import ERROR_ENDING, remove_error, write_error, write_outputs, write_whole
from .scan import FolderScan, Recording, digest_of, is_recording_name

__all__ = [
    "ERROR_ENDING",
    "FolderScan",
    "Recording",
    "digest_of",
    "is_recording_name",
    "remove_error",
    "write_error",
    "write_outputs",
    "write_whole",
]
