"""The stages of the archive as Ray Data runs them, each a function or an actor over Arrow tables.

Between the stages a recording is one row, or several where it is long: a row has the samples or the
emissions of one group of windows, so that none is large. A row that has a result already, an error,
passes through the stages that follow.
"""

import asyncio
import json
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from app.acoustic import Outline
from app.archive.results import Result
from app.archive.sources import UnreadableError, open_source
from app.archive.stages import Facts, concerns_recording, transcript_of
from app.audio import SAMPLE_RATE, DecodeOptions, Recording, Window, plan_windows
from app.audio.workers import MediaPool
from app.decoding import ModelDecoders
from app.engine import EncodeRequest, Engine
from app.errors import NordlydError
from app.main import audio_limits, engine_options, media_pool
from app.model_loading import load_checkpoint
from app.pipeline import ModelSource, Route, open_model_decoders
from app.pipeline.groups import group_windows
from app.settings import Settings
from app.speakers import DiarizationOptions, Diarizer, weights_folder
from app.telemetry import Telemetry

_FACTS = TypeAdapter(Facts)


@dataclass(frozen=True, slots=True)
class Setup:
    """What every stage needs to know; sent to each worker.

    Attributes:
        settings: of the service, with one model.
        source: that model.
        outline: of its checkpoint.
        route: the model and the options.
        options: how to decode audio.
        diarization: how speakers are told apart; None tells none apart.
    """

    settings: Settings
    source: ModelSource
    outline: Outline
    route: Route
    options: DecodeOptions
    diarization: DiarizationOptions | None


WORK = pa.schema(
    [
        ("path", pa.binary()),
        ("location", pa.binary()),
        ("size", pa.int64()),
        ("version", pa.string()),
        ("digest", pa.string()),
    ]
)
"""A recording that is to be read."""

_RECORDING = [*(WORK.field(name) for name in WORK.names), ("result", pa.binary())]
DIGESTS = pa.schema(_RECORDING)
"""A recording whose digest is known; `result` is why it cannot be read, and null otherwise."""

_GROUP = [*_RECORDING, ("facts", pa.string()), ("group", pa.int32()), ("groups", pa.int32())]
AUDIO = pa.schema([*_GROUP, ("windows", pa.string()), ("samples", pa.large_binary())])
"""A group of windows of a recording: float32 samples, normalised where the model expects it."""
EMISSIONS = pa.schema([*_GROUP, ("emissions", pa.large_binary())])
"""The kept emissions of a group or a recording: float32 [frames, vocabulary]."""
RESULTS = DIGESTS
"""A recording with its packed result."""


class _Opened:
    """What a worker process keeps from one call to the next."""

    def __init__(self) -> None:
        self._media: MediaPool | None = None
        self._decoders: ModelDecoders | None = None
        self._diarizer: Diarizer | None = None

    def media(self, setup: Setup) -> MediaPool:
        """Returns where audio is decoded: one process, since Ray runs several of these."""
        if self._media is None:
            one = setup.settings.model_copy(update={"media_workers": 1})
            self._media = media_pool(one, Telemetry())
        return self._media

    def diarizer(self, setup: Setup) -> Diarizer:
        """Returns what tells speakers apart."""
        if self._diarizer is None:
            self._diarizer = Diarizer(weights_folder(setup.settings.store))
        return self._diarizer

    def decoders(self, setup: Setup) -> ModelDecoders:
        """Returns the decoders of the model."""
        if self._decoders is None:
            self._decoders = open_model_decoders(
                setup.source, setup.outline.vocabulary, setup.settings.decoder
            )
        return self._decoders


_opened = _Opened()


def read_digests(table: pa.Table) -> pa.Table:
    """Reads recordings and computes the digests of their contents.

    Args:
        table: `WORK`.

    Returns:
        `DIGESTS`.
    """
    rows = []
    for row in table.to_pylist():
        try:
            source = open_source(os.fsdecode(row["location"]), row["version"])
        except UnreadableError as error:
            rows.append(row | {"digest": "", "result": Result.of_error(error).pack()})
        else:
            source.file.close()
            rows.append(row | {"digest": source.digest, "version": source.version})
    return pa.Table.from_pylist(rows, DIGESTS)


def decode_audio(table: pa.Table, setup: Setup) -> Iterator[pa.Table]:
    """Decodes the audio of recordings, and tells their speakers apart.

    Args:
        table: `WORK`, with digests.
        setup: of the run.

    Yields:
        `AUDIO`, some groups at a time.
    """
    for row in table.to_pylist():
        try:
            yield from _decode(row, setup)
        except NordlydError as error:
            if not concerns_recording(error):
                raise
            if isinstance(error, UnreadableError):
                row["digest"] = ""
            failed = row | {"result": Result.of_error(error).pack(), "group": 0, "groups": 1}
            yield pa.Table.from_pylist([failed], AUDIO)


def _decode(row: dict[str, Any], setup: Setup) -> Iterator[pa.Table]:
    source = open_source(os.fsdecode(row["location"]), row["version"])
    with source.file:
        if source.digest != row["digest"]:
            raise UnreadableError("The file was changed while it was read.")
        recording = _opened.media(setup).decode(
            source.file, options=setup.options, limits=audio_limits(setup.settings)
        )
        source.check_unchanged()
    known = asyncio.run(Facts.of(recording, _opened.diarizer(setup), setup.diarization))
    facts = _FACTS.dump_json(known).decode()
    groups = _groups(recording, setup)
    for number, windows in enumerate(groups):
        samples = _samples(recording, windows, setup)
        group = {
            "facts": facts,
            "group": number,
            "groups": len(groups),
            "windows": json.dumps([asdict(window) for window in windows]),
            "samples": samples.tobytes(),
        }
        yield pa.Table.from_pylist([row | group], AUDIO)
    recording.close()


def _groups(recording: Recording, setup: Setup) -> list[Sequence[Window]]:
    """Returns the windows of a recording in groups; one empty one where it cannot hold a word."""
    outline, settings = setup.outline, setup.settings
    windows = plan_windows(
        recording.samples,
        window=round(settings.window_seconds * SAMPLE_RATE),
        context=round(settings.context_seconds * SAMPLE_RATE),
        hop=outline.hop,
        receptive_field=outline.receptive_field,
    )
    if recording.is_silent:
        windows = []
    return [*group_windows(windows, outline.hop)] or [[]]


def _samples(
    recording: Recording, windows: Sequence[Window], setup: Setup
) -> np.ndarray[Any, np.dtype[np.float32]]:
    if not windows:
        return np.zeros(0, dtype=np.float32)
    start, stop = windows[0].start, windows[-1].stop
    return recording.slice(start, stop, normalise=setup.outline.do_normalize)


class EncodeAudio:
    """An actor with the model: encodes groups of many recordings in full batches.

    Calls on several threads share the batches of one engine.

    Args:
        setup: of the run.
    """

    def __init__(self, setup: Setup) -> None:
        settings = setup.settings
        if settings.threads is None:
            # Ray sets it to the processors that an actor reserves.
            os.environ.pop("OMP_NUM_THREADS", None)
        self._name = setup.route.card.id
        self._engine = Engine(engine_options(settings), Telemetry())
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        model = load_checkpoint(settings, setup.source)
        self._columns = len(model.vocabulary)
        self._wait(self._engine.start({self._name: model}))

    def __call__(self, table: pa.Table) -> pa.Table:
        """Encodes groups.

        Args:
            table: `AUDIO`.

        Returns:
            `EMISSIONS`.
        """
        rows = [{name: table[name][i] for name in table.column_names} for i in range(len(table))]
        return pa.Table.from_pylist(self._wait(self._encode_all(rows)), EMISSIONS)

    async def _encode_all(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return list(await asyncio.gather(*map(self._encode, rows)))

    async def _encode(self, row: dict[str, Any]) -> dict[str, Any]:
        answer = {name: row[name].as_py() for name in EMISSIONS.names if name in row}
        if answer["result"] is not None:
            return answer
        windows = [Window(**window) for window in json.loads(row["windows"].as_py())]
        if not windows:
            return answer | {"emissions": b""}
        samples = np.frombuffer(row["samples"].as_buffer(), dtype=np.float32)
        first = windows[0].start

        def fetch(window: Window) -> np.ndarray[Any, np.dtype[np.float32]]:
            # A copy: the encoder may write to it.
            return samples[window.start - first : window.stop - first].copy()

        path = os.fsdecode(answer["path"])
        request = EncodeRequest(self._name, windows, fetch, path, admission="always")
        try:
            encoded = await self._engine.encode(request)
        except NordlydError as error:
            if not concerns_recording(error):
                raise
            return answer | {"result": Result.of_error(error).pack()}
        return answer | {"emissions": encoded.emissions.tobytes()}

    def _wait(self, work: Any) -> Any:  # noqa: ANN401 - as the coroutine's result
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class JoinGroups:
    """An actor that joins the groups of each recording, in whatever order they arrive."""

    def __init__(self) -> None:
        self._parts: dict[bytes, dict[int, dict[str, Any]]] = {}

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        """Joins groups.

        Args:
            table: `EMISSIONS` of groups.

        Yields:
            `EMISSIONS` of recordings that are complete.
        """
        for row in table.to_pylist():
            parts = self._parts.setdefault(row["path"], {})
            parts[row["group"]] = row
            if len(parts) < row["groups"]:
                continue
            del self._parts[row["path"]]
            ordered = [parts[number] for number in sorted(parts)]
            failed = next((part for part in ordered if part["result"] is not None), None)
            whole = failed or ordered[0] | {
                "emissions": b"".join(part["emissions"] for part in ordered)
            }
            yield pa.Table.from_pylist([whole], EMISSIONS)


def decode_texts(table: pa.Table, setup: Setup) -> pa.Table:
    """Decodes the texts of recordings.

    Args:
        table: `EMISSIONS` of whole recordings.
        setup: of the run.

    Returns:
        `RESULTS`.
    """
    rows = []
    for row in table.to_pylist():
        if row["result"] is None:
            row["result"] = _decode_text(row, setup).pack()
        rows.append({name: row[name] for name in RESULTS.names})
    return pa.Table.from_pylist(rows, RESULTS)


def _decode_text(row: dict[str, Any], setup: Setup) -> Result:
    vocabulary = setup.outline.vocabulary
    emissions = np.frombuffer(row["emissions"], dtype=np.float32).reshape(-1, len(vocabulary))
    try:
        transcript = transcript_of(
            _FACTS.validate_json(row["facts"]),
            emissions,
            route=setup.route,
            decoders=_opened.decoders(setup),
            frame_seconds=setup.outline.hop / SAMPLE_RATE,
        )
    except NordlydError as error:
        if not concerns_recording(error):
            raise
        return Result.of_error(error)
    return Result.of_transcript(transcript)
