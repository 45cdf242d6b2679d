"""The values of a run: what to transcribe into which folder, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from app.contract.layout import Layout

EngineName: TypeAlias = Literal["local", "ray"]


@dataclass(frozen=True, slots=True)
class ArchivePlan:
    """What to transcribe, and where to.

    Attributes:
        source: a folder, a glob, a file that lists paths, `-` for such a list on stdin, one
            recording, or `s3://bucket/prefix`.
        output: the folder of the Parquet files, which is made.
        formats: names of formats to write beside them, a file a recording.
        options: of every recording, by their names in the API.
        word_cues: in WebVTT, mark when each word is spoken.
        layout: of text, md, f4 and docx.
        engine: `local` works in this process, `ray` on a Ray cluster.
    """

    source: str
    output: Path
    formats: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    word_cues: bool = False
    layout: Layout = field(default_factory=Layout)
    engine: EngineName = "local"


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """What came of a run.

    Attributes:
        recordings: rows of the Parquet files.
        failed: those of them with an error.
        transcribed: recordings that this run has transcribed; copies of one count once.
        audio_seconds: of these.
        seconds: from the first recording to the last, without the loading of the model.
    """

    recordings: int
    failed: int
    transcribed: int
    audio_seconds: float
    seconds: float
