"""Reads tables of utterances, in JSON Lines, CSV or TSV, by the usual names of their columns."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.documents import read_text
from trainer.errors import DataError

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "audio": (
        "audio_filepath", "audio_path", "audio_file", "audio_filename", "wav_filename", "wav_path",
        "wav", "path", "file", "filename", "file_name", "filepath", "file_path", "clip", "lydfil",
    ),
    "text": (
        "sentence", "transcript", "transcription", "raw_transcription", "normalized_text",
        "utterance", "reference", "tekst", "setning", "sætning",
    ),
    "speaker": ("speaker_id", "speakerid", "client_id", "spk", "spk_id", "taler", "talar"),
    "recording": ("recording_id", "session", "session_id", "episode"),
    "language": ("lang", "locale", "språk", "sprog"),
    "start": ("start_time", "start_seconds", "begin", "from"),
    "end": ("end_time", "end_seconds", "stop", "to"),
    "split": ("subset", "partition"),
}  # fmt: skip
"""The columns of a table, and the other names under which they are found."""

AUDIO_FOLDERS = ("", "clips", "wavs", "wav", "audio")
"""Where the audio of a table is looked for, from the table's folder: the first is that itself."""

AUDIO_SUFFIXES = (
    ".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga", ".m4a", ".mp4", ".aac", ".webm", ".mkv",
    ".mka", ".mov", ".avi", ".wma", ".aif", ".aiff", ".amr", ".3gp", ".ac3", ".caf", ".w64", ".au",
)  # fmt: skip
"""The usual endings of audio and video that the service reads."""

_QUOTED = (",", ";")
_SEPARATORS = ("\t", ";", "|", ",")


def read_table(file: Path) -> Iterator[dict[str, Any]]:
    """Yields the rows of a table under the names of `COLUMNS`; other columns keep theirs.

    CSV and TSV are separated by tabs, semicolons, bars or commas, with or without a line of names:
    without one, the first cell that names an audio file is that, and the last cell the text. A line
    that is no JSON object is empty, and so lacks everything.

    Raises:
        DataError: not one of these kinds, unreadable, or without columns for audio and text.
    """
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{file} is no manifest; accepted are {', '.join(SUFFIXES)}")
    text = read_text(file)
    if suffix in (".jsonl", ".ndjson"):
        for line in text.split("\n"):
            if line.strip():
                yield usual_names(_json_object(line))
        return
    try:
        yield from _delimited(file, text)
    except csv.Error as error:
        raise DataError(f"{file} is no table that can be read: {error}") from error


def usual_names(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row with its columns under the names of `COLUMNS`.

    NeMo's `offset` and `duration` become `start` and `end`, unless `offset` is one of `length`
    bytes.
    """
    found = {_plain(name): value for name, value in row.items()}
    for name, others in COLUMNS.items():
        if name not in found:
            other = next((other for other in others if other in found), None)
            if other is not None:
                found[name] = found.pop(other)
    if "offset" in found and "duration" in found and "length" not in found:
        start = found.pop("offset") or 0.0
        try:
            found |= {"start": start, "end": float(start) + float(found["duration"])}
        except (TypeError, ValueError):
            found |= {"start": start, "end": found["duration"]}
    return found


def find_audio(name: str, folder: Path) -> Path:
    """Returns the audio file that a table in a folder names; `folder / name` where there is none.

    The name may lack its ending, have backslashes, and be one of a file in a usual sub-folder.
    """
    for spelled in dict.fromkeys((name, name.replace("\\", "/"))):
        for below in AUDIO_FOLDERS:
            place = folder / below / spelled
            endings = ("",) if place.suffix.lower() in AUDIO_SUFFIXES else ("", *AUDIO_SUFFIXES)
            for ending in endings:
                found = place.with_name(place.name + ending) if place.name else place
                if found.is_file():
                    return found
    return folder / name


def _delimited(file: Path, text: str) -> Iterator[dict[str, Any]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    for separator in _SEPARATORS:
        names = next(_cells([first], separator), [])
        if {"audio", "text"} <= usual_names(dict.fromkeys(names, "")).keys():
            rows = _rows(text, separator)
            next(rows)
            for row in rows:
                yield usual_names(dict(zip(names, row, strict=False)))
            return
    for separator in _SEPARATORS:
        cells = next(_cells([first], separator), [])
        place = next((i for i, cell in enumerate(cells[:-1]) if _is_audio(cell, file.parent)), None)
        if place is not None:
            for row in _rows(text, separator):
                yield {"audio": row[place], "text": row[-1]} if len(row) > place + 1 else {}
            return
    columns = "; ".join(
        f"{name}: {', '.join((name, *COLUMNS[name]))}" for name in ("audio", "text")
    )
    raise DataError(
        f"{file} has no columns of audio and text in {first[:80]!r}; accepted {columns}"
    )


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    rows = _cells(io.StringIO(text, newline=""), separator)
    return (row for row in rows if any(cell.strip() for cell in row))


def _cells(lines: Sequence[str] | io.StringIO, separator: str) -> Iterator[list[str]]:
    if separator in _QUOTED:
        yield from csv.reader(lines, delimiter=separator, skipinitialspace=True)
        return
    # Common Voice and LJSpeech quote nothing, and have quotation marks in their sentences.
    for row in csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE):
        yield [_unquoted(cell) for cell in row]


def _unquoted(cell: str) -> str:
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
    return cell[1:-1].replace('""', '"') if quoted else cell


def _is_audio(cell: str, folder: Path) -> bool:
    name = cell.strip()
    return bool(name) and len(name) < 256 and find_audio(name, folder).is_file()  # noqa: PLR2004


def _plain(name: object) -> str:
    return str(name).strip().casefold().replace(" ", "_").replace("-", "_")


def _json_object(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
