"""Encoded audio, Parquet files with the columns their publishers gave them, and a recipe."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from trainer.recipe import Recipe, load_recipe

AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

Encode = Callable[..., bytes]
Publish = Callable[..., Path]


@pytest.fixture
def encoded() -> Encode:
    """Returns audio of a number of seconds as the bytes of a file: a tone of a given level."""

    def encode(
        seconds: float = 2.0, *, kind: str = "FLAC", rate: int = 16000, level: float = 0.1
    ) -> bytes:
        times = np.arange(round(seconds * rate)) / rate
        tone = (level * np.sin(2 * np.pi * 220 * times)).astype(np.float32)
        buffer = io.BytesIO()
        soundfile.write(buffer, tone, rate, format=kind)
        return buffer.getvalue()

    return encode


@pytest.fixture
def publish(tmp_path: Path) -> Publish:
    """Writes rows of a set as a Parquet file; `audio` is bytes, or None."""

    def write(
        place: str,
        columns: Sequence[tuple[str, Any]],
        rows: Sequence[dict[str, Any]],
        **options: Any,
    ) -> Path:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = pa.schema([*columns, ("audio", AUDIO)])
        full = [
            {name: row.get(name) for name, _ in columns}
            | {"audio": {"bytes": row.get("audio"), "path": row.get("file", "a.mp3")}}
            for row in rows
        ]
        pq.write_table(pa.Table.from_pylist(full, schema=schema), path, **options)
        return path

    return write


NPSC_COLUMNS = (
    ("sentence_id", pa.int64()),
    ("sentence_order", pa.int64()),
    ("speaker_id", pa.int64()),
    ("speaker_name", pa.string()),
    ("sentence_text", pa.string()),
    ("sentence_language_code", pa.string()),
    ("text", pa.string()),
    ("start_time", pa.int64()),
    ("end_time", pa.int64()),
    ("normsentence_text", pa.string()),
    ("transsentence_text", pa.string()),
    ("translated", pa.int64()),
)


@pytest.fixture
def npsc(publish: Publish) -> Publish:
    """Writes rows of NPSC where the hub's converted revision has them."""

    def write(split: str, rows: Sequence[dict[str, Any]], **options: Any) -> Path:
        full = [
            {
                "sentence_id": number,
                "speaker_id": 32,
                "speaker_name": "Ola Nordmann",
                "sentence_text": row.get("text"),
                "sentence_language_code": "nn-NO",
            }
            | row
            for number, row in enumerate(rows)
        ]
        return publish(f"npsc/16K_mp3/{split}/0000.parquet", NPSC_COLUMNS, full, **options)

    return write


@pytest.fixture
def nynorsk() -> Recipe:
    """A recipe for the Nynorsk of NPSC with the corrected filters."""
    recipe = load_recipe("wav2vec2-xlsr-1B-NPSC-NN-improved")
    data = replace(
        recipe.data,
        train=("npsc-nynorsk/train",),
        valid=("npsc-nynorsk/validation",),
        test=("npsc-nynorsk/test",),
        min_seconds=0.5,
        max_seconds=30.0,
    )
    return replace(recipe, data=data)
