"""The settings of what lasts: the database, and the folder of everything that is kept."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class JobSettings(BaseSettings):
    """Where jobs and keys are kept."""

    data: Path = Field(
        Path.home() / ".local" / "share" / "nordlyd",
        description="Folder of the database, and of the audio and results of jobs.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="Database of jobs and keys, as postgresql://user:password@host/name; an SQLite "
        "file in the folder of NORDLYD_DATA by default.",
    )
