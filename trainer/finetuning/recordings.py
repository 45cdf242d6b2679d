"""Finds the utterances of a data set of one's own: tables, or recordings beside transcripts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.audio import SAMPLE_RATE
from app.audio.manifest import ManifestAudio
from app.errors import NordlydError
from app.splits import SPLITS
from trainer.data.audio import PlacedAudio
from trainer.data.candidate import Candidate
from trainer.data.manifest import audio_at
from trainer.data.parquet import ParquetPool
from trainer.data.record import Waveform, labels_of
from trainer.data.row_lists import DROPPED, WRITTEN_OUT
from trainer.data.synthesised import SynthesisedSource
from trainer.data.tables import AUDIO_SUFFIXES, SUFFIXES, find_audio, read_table
from trainer.errors import DataError
from trainer.finetuning.transcripts import TRANSCRIPTS, UNTIMED, read_transcript

_MAX_SECONDS = 24 * 3600.0
_NOT_DATA = frozenset({DROPPED, WRITTEN_OUT})
# Names that a program gives to the speakers of one recording.
_LABEL = re.compile(r"(?i)(speaker|spk|talar|taler|channel|kanal|tier|s)?[ _-]*\d*|[a-z]")
# As `prepare` writes them.
_WITHIN_FILES = ({"offset", "length"}, {"first", "samples"})


@dataclass(frozen=True, slots=True)
class Utterance:
    """A candidate, the recording that it is from, and the split that its table gives it.

    `speaker` is empty where no name of the speaker is known beyond the recording.
    """

    candidate: Candidate
    recording: str
    speaker: str
    split: str = ""


class RecordingAudio:
    """Audio in any format that the service reads; what was decoded is kept until it is released."""

    def __init__(self, audio: ManifestAudio | PlacedAudio) -> None:
        self._audio = audio
        self._decoded: Waveform | None = None

    def waveform(self) -> Waveform:
        """Decodes to mono at 16 kHz.

        Raises:
            DataError: no audio, damaged, or it ends before the part does.
        """
        if self._decoded is None:
            if isinstance(self._audio, ManifestAudio):
                try:
                    self._decoded = self._audio.read(max_seconds=_MAX_SECONDS)
                except (NordlydError, OSError) as error:
                    raise DataError(f"{self._audio.file}: {error}") from error
            else:
                self._decoded = self._audio.waveform()
        return self._decoded

    def seconds(self) -> float:
        """Decodes and returns the length.

        Raises:
            DataError: as `waveform`.
        """
        return len(self.waveform()) / SAMPLE_RATE

    def release(self) -> None:
        """Frees what was decoded."""
        self._decoded = None

    def place(self) -> dict[str, Any]:
        """Returns the file, and for a part of it where it starts and ends."""
        if not isinstance(self._audio, ManifestAudio):
            return self._audio.place()
        part = {"start": self._audio.start or None, "end": self._audio.end}
        found = {"audio": str(self._audio.file), **part}
        return {name: value for name, value in found.items() if value is not None}

    def encoded(self) -> None:
        """Returns None: the audio is written anew."""
        return


def find_utterances(data: Path) -> Iterator[Utterance]:
    """Yields the utterances of a table, of the tables in a folder, or of recordings in a folder.

    A recording without a transcript, and a transcript without a recording, is one dropped row.

    Raises:
        DataError: nothing is there, or a table has no columns of audio and text.
    """
    if data.is_file():
        yield from _of_table(data)
        return
    if not data.is_dir():
        raise DataError(f"{data} is neither a folder nor a table of utterances")
    if spoken := [name for name in SPLITS if (data / f"{name}.pcm").is_file()]:
        for split in spoken:
            for item in SynthesisedSource(data).candidates(split):
                yield Utterance(_decodable(item), split, "", split)
        return
    tables = [
        file
        for file in sorted(data.iterdir())
        if file.suffix.lower() in SUFFIXES and file.name not in _NOT_DATA
    ]
    problems = {table: problem for table in tables if (problem := _table_problem(table))}
    if usable := [table for table in tables if table not in problems]:
        for table in usable:
            yield from _of_table(table)
        return
    found = _pairs(data)
    if not found and problems:
        raise DataError(next(iter(problems.values())))
    if not found:
        raise DataError(
            f"{data} holds neither tables ({', '.join(SUFFIXES)}) nor recordings beside "
            f"transcripts ({', '.join(TRANSCRIPTS)})"
        )
    for audio, transcript in found:
        yield from _of_pair(audio, transcript)


def _table_problem(file: Path) -> str | None:
    """Returns why a file is no table of utterances, or None where it is one."""
    try:
        first = next(read_table(file), {})
    except DataError as error:
        return str(error)
    return None if {"audio", "text"} <= first.keys() else f"{file} names no audio and text"


def _of_table(file: Path) -> Iterator[Utterance]:
    pool = ParquetPool()
    for row in read_table(file):
        name = str(row.get("audio") or "").strip()
        place = find_audio(name, file.parent)
        try:
            within = _is_within_file(row, place)
            audio = audio_at(row, file.parent, pool) if within else _part(row, place)
        except (KeyError, ValueError, TypeError):
            name = ""
        if not name or "text" not in row:
            dropped = Candidate(None, None, "", "", dropped="broken line", detail=str(row)[:200])
            yield Utterance(dropped, "", "")
            continue
        speaker, text = str(row.get("speaker") or ""), row["text"]
        candidate = Candidate(
            audio=RecordingAudio(audio),
            text=None if text is None else str(text),
            language=str(row.get("language") or ""),
            speaker=speaker,
            labels=labels_of(row),
        )
        recording = str(row.get("recording") or _recording(audio, place))
        yield Utterance(candidate, recording, speaker, str(row.get("split") or file.stem))


def _is_within_file(row: Mapping[str, Any], place: Path) -> bool:
    if row.get("row") is not None and place.suffix == ".parquet":
        return True
    return any(names <= row.keys() for names in _WITHIN_FILES)


def _recording(audio: ManifestAudio | PlacedAudio, place: Path) -> str:
    """Returns what stands for a recording that a table does not name: a file, or a part of one."""
    if isinstance(audio, ManifestAudio):
        return str(place)
    return " ".join(map(str, audio.place().values()))


def _part(row: Mapping[str, Any], place: Path) -> ManifestAudio:
    times = {name: row.get(name) for name in ("start", "end")}
    # A spreadsheet in Danish or Norwegian has decimal commas.
    points = {
        name: value.strip().replace(",", ".") if isinstance(value, str) else value
        for name, value in times.items()
    }
    return ManifestAudio.of_line({**points, "audio": place.name}, place.parent)


def _decodable(candidate: Candidate) -> Candidate:
    assert candidate.audio is not None
    return Candidate(
        RecordingAudio(candidate.audio), candidate.text, candidate.language, candidate.speaker
    )


def _pairs(folder: Path) -> list[tuple[Path | None, Path | None]]:
    """Returns each recording below a folder with its transcript; either may be missing.

    A transcript has the name of its recording, with or without its ending and a language code, in
    the same folder or where the name is unique below the whole one.
    """
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    ]
    recordings = [file for file in files if file.suffix.lower() in AUDIO_SUFFIXES]
    by_name: dict[str, list[Path]] = {}
    for recording in recordings:
        for name in (recording.stem, recording.name):
            by_name.setdefault(name, []).append(recording)
    chosen: dict[Path, Path] = {}
    alone: list[Path] = []
    for ending in TRANSCRIPTS:
        for file in files:
            if file.suffix.lower() == ending:
                audio = _audio_of(file, by_name) or _linked(file)
                if audio is not None:
                    chosen.setdefault(audio, file)
                elif ending != ".json":  # settings and figures are JSON as well
                    alone.append(file)
    if not chosen:
        return []
    pairs: list[tuple[Path | None, Path | None]] = [
        (recording, chosen.get(recording)) for recording in recordings
    ]
    return pairs + [(None, file) for file in alone if file.suffix.lower() not in UNTIMED]


def _audio_of(transcript: Path, by_name: Mapping[str, Sequence[Path]]) -> Path | None:
    names = [transcript.stem]
    while "." in names[-1]:
        names.append(names[-1].rpartition(".")[0])
    for name in names:
        found = by_name.get(name, ())
        beside = [audio for audio in found if audio.parent == transcript.parent]
        if beside or len(found) == 1:
            return (beside or found)[0]
    return None


def _linked(transcript: Path) -> Path | None:
    """Returns the recording that an ELAN document names, where it is beside it."""
    if transcript.suffix.lower() != ".eaf":
        return None
    try:
        return read_transcript(transcript)[1]
    except DataError:
        return None


def _of_pair(audio: Path | None, transcript: Path | None) -> Iterator[Utterance]:
    if transcript is None:
        yield _dropped("audio without text", str(audio))
        return
    try:
        passages, _ = read_transcript(transcript)
    except DataError as error:
        yield _dropped("broken annotations", str(error))
        return
    if audio is None:
        yield _dropped("annotations without audio", str(transcript))
        return
    for item in passages:
        try:
            part = _part({"start": item.start, "end": item.end}, audio)
        except ValueError as error:
            yield _dropped("broken line", f"{transcript}: {error}")
            continue
        candidate = Candidate(RecordingAudio(part), item.text, "", item.speaker)
        known = "" if _LABEL.fullmatch(item.speaker) else item.speaker
        yield Utterance(candidate, str(audio), known)


def _dropped(reason: str, detail: str) -> Utterance:
    return Utterance(Candidate(None, None, "", "", dropped=reason, detail=detail), "", "")
