"""The settings of what lasts: the database, and the folder of everything that is kept."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, get_args

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode

from app.contract.formats import ResponseFormat
from app.durations import Keep


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
    storage: str | None = Field(
        None,
        description="Where audio and results are: a folder, or s3://bucket/prefix with the usual "
        "AWS_* variables (needs the extra s3); the folder of NORDLYD_DATA by default.",
    )
    webhook_secret: SecretStr | None = Field(
        None,
        description="What webhooks are signed with: whsec_ and 24 to 64 bytes in base64; by "
        "default one that is made in the file webhook-secret of the folder of NORDLYD_DATA.",
    )
    watch: Path | None = Field(
        None,
        description="Folder whose recordings are transcribed when they are whole; unset: none.",
    )
    watch_out: Path | None = Field(
        None,
        description="Where the results of NORDLYD_WATCH go; beside the recordings by default.",
    )
    watch_formats: Annotated[list[ResponseFormat], NoDecode] = Field(
        ["text"],
        min_length=1,
        description="What is written of each recording of NORDLYD_WATCH, comma-separated: "
        f"{', '.join(get_args(ResponseFormat))}.",
    )
    known_speakers: bool = Field(
        False,
        description="Whether callers may keep the voices of speakers by POST /speakers, so that "
        "transcripts have their names. A voice print is biometric data.",
    )
    keep_audio: Keep = Field(
        timedelta(0),
        description="How long the recording of a job is kept after the job's end: a length of time "
        "such as 30m or 7d, until-fetched, or forever.",
    )
    keep_results: Keep = Field(
        timedelta(days=7),
        description="How long a job and its result are kept after its end: a length of time such "
        "as 30m or 7d, until-fetched, or forever. A job's expires_in can only shorten it.",
    )
    keep_corrections: Keep | None = Field(
        None,
        description="How long a job is kept after its end, with its recording, whose corrected "
        "transcript its sender agrees to be kept for training: a length of time such as 365d, or "
        "forever; unset: none is. Needs NORDLYD_KEEP_AUDIO, so that there is something to keep.",
    )

    @field_validator("keep_corrections")
    @classmethod
    def _check_corrections(cls, value: Keep | None, info: ValidationInfo) -> Keep | None:
        if value == "until-fetched":
            raise ValueError("must be forever, or a length of time such as 365d")
        if value is not None and info.data.get("keep_audio") == timedelta(0):
            raise ValueError(
                "needs NORDLYD_KEEP_AUDIO, such as 7d: recordings are erased at the end of their "
                "jobs, before a transcript can be corrected"
            )
        return value
