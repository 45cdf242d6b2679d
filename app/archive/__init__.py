"""Transcribes whole archives of recordings into Parquet files, in runs that can be continued."""

from app.archive.plan import ArchivePlan, ArchiveSummary
from app.archive.run import run_archive

__all__ = ["ArchivePlan", "ArchiveSummary", "run_archive"]
