"""Transcribes an archive with Ray Data, on this machine or on a cluster.

First the digests of the contents are computed, then one recording of each content is transcribed:
audio is decoded by tasks and encoded by actors that have the model, and text is decoded by tasks.
Ray Data runs all stages at once and bounds what is between them. Results come back to this process,
which alone writes the manifest.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import ray
import ray.data

from app.archive.job import ArchiveJob, diarization_of, route_of
from app.archive.keeping import keep
from app.archive.manifest import Pending
from app.archive.ray_stages import (
    WORK,
    EncodeAudio,
    JoinGroups,
    Setup,
    decode_audio,
    decode_texts,
    read_digests,
)
from app.archive.request import source_of_model
from app.archive.results import Result
from app.audio.content_types import decode_options
from app.cluster.starting import start_ray
from app.errors import NordlydError, UnavailableError
from app.main import build_service
from app.pipeline import open_model_decoders
from app.settings import Settings
from app.telemetry import Telemetry

# A task gets so many recordings, or fewer large ones.
_TASK_ROWS = 32
_TASK_BYTES = 64 * 2**20
# Rows are bounded by the groups of windows; small blocks keep all stages busy on a small machine.
_BLOCK_BYTES = 32 * 2**20
_CALLS = 3


def transcribe_on_ray(job: ArchiveJob) -> None:
    """Transcribes everything that is pending; what is done is kept, however this ends.

    Joins the cluster that RAY_ADDRESS names, or starts one on this machine for as long as it takes.

    Raises:
        NordlydError: the model or Ray cannot be used, or no further recording can be transcribed.
        OSError: a result cannot be written.
    """
    setup = _setup(job)
    own = not ray.is_initialized()
    logging.getLogger("ray").setLevel(logging.ERROR)
    if own:
        start_ray(os.environ.get("RAY_ADDRESS"), log_to_driver=False)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = _BLOCK_BYTES
    try:
        _RayEngine(job, setup).run()
    except ray.exceptions.RayError as error:
        raise _as_error(error) from error
    finally:
        job.manifest.commit()
        if own:
            ray.shutdown()


class _RayEngine:
    """Takes the pending recordings of a manifest through all stages.

    Args:
        job: what to do.
        setup: for the workers.
    """

    def __init__(self, job: ArchiveJob, setup: Setup) -> None:
        self._job = job
        self._manifest = job.manifest
        self._setup = setup
        # Failures stay pending, for the next run.
        self._failed: set[str] = set()

    def run(self) -> None:
        """Transcribes everything that is pending; raises as `transcribe_on_ray`."""
        self._read()
        self._transcribe()
        self._copy()

    def _read(self) -> None:
        """Computes the digests that are not known."""
        work = [*_tables(each for each in self._pending() if not each.digest)]
        if not work:
            return
        read = ray.data.from_arrow(work).map_batches(read_digests, **_TASKS)
        for recording, result in _rows(read):
            if result is None:
                self._manifest.note_digest(recording)
            else:
                self._keep(recording, result, transcribed=False)
        self._manifest.commit()

    def _transcribe(self) -> None:
        """Transcribes one recording of each content that has no result."""
        work = [*_tables(each for each in self._pending() if self._is_first(each))]
        if not work:
            return
        self._job.progress.begin()
        task = {"fn_kwargs": {"setup": self._setup}, **_TASKS}
        results = (
            ray.data.from_arrow(work)
            .map_batches(decode_audio, **task)
            .map_batches(
                EncodeAudio, fn_constructor_args=(self._setup,), **_encoder(self._setup.settings)
            )
            .map_batches(JoinGroups, **_JOINER)
            .map_batches(decode_texts, **task)
        )
        for recording, result in _rows(results):
            assert result is not None
            self._keep(recording, result, transcribed=True)
        self._manifest.commit()

    def _copy(self) -> None:
        """Gives the copies of a recording its result.

        Raises:
            UnavailableError: a result is missing.
        """
        lost = 0
        for recording in self._pending():
            if recording.path in self._failed:
                continue
            result = self._manifest.find(recording.digest, failed=True)
            if result is None:
                lost += 1
            else:
                self._keep(recording, result, transcribed=False)
        if lost:
            raise UnavailableError(
                f"{lost} recordings were lost with workers of the Ray cluster; the same command "
                "transcribes them."
            )

    def _pending(self) -> Iterator[Pending]:
        return self._manifest.pending(self._job.texts.name)

    def _is_first(self, recording: Pending) -> bool:
        digest = recording.digest
        if not digest or self._manifest.find(digest) is not None:
            return False
        return self._manifest.first_path(digest) == recording.path

    def _keep(self, recording: Pending, result: Result, *, transcribed: bool) -> None:
        if result.failed:
            self._failed.add(recording.path)
        self._job.texts.write(recording.path, result)
        keep(
            self._manifest,
            self._job.texts,
            recording,
            result,
            digest=recording.digest,
            version=recording.version,
        )
        self._job.progress.count(recording.size, result, transcribed=transcribed)


_TASKS: dict[str, Any] = {
    "batch_format": "pyarrow",
    "batch_size": None,
    "zero_copy_batch": True,
    "num_cpus": 1,
}
_JOINER = _TASKS | {"num_cpus": 0, "compute": ray.data.ActorPoolStrategy(size=1)}


def _encoder(settings: Settings) -> dict[str, Any]:
    """Returns the resources of the actors that encode: one for each card, or for each machine."""
    cards = 0
    if settings.device in ("auto", "cuda"):
        cards = round(ray.cluster_resources().get("GPU", 0))
    machines = sum(node["Alive"] for node in ray.nodes())
    return _TASKS | {
        "num_cpus": 0,
        "num_gpus": 1 if cards else 0,
        "compute": ray.data.ActorPoolStrategy(
            size=cards or machines,
            max_concurrent_calls_per_actor=_CALLS,
            max_tasks_in_flight_per_actor=_CALLS + 1,
            enable_true_multi_threading=True,
        ),
    }


def _setup(job: ArchiveJob) -> Setup:
    """Builds what the workers need, and checks the options with the model's decoders.

    Raises:
        NordlydError: the model or an option cannot be used.
    """
    from app.acoustic import read_outline  # noqa: PLC0415 - imports torch

    settings = job.settings
    service, _ = build_service(settings, Telemetry(), report=job.on_pull)
    try:
        route = route_of(service.transcriber, job.options)
        diarization = diarization_of(service.transcriber, job.options)
    finally:
        service.transcriber.close()
    source = source_of_model(settings)
    outline = read_outline(source.folder, source.card.target_lang)
    open_model_decoders(source, outline.vocabulary, settings.decoder).check(route.decoding)
    options = decode_options(job.options)
    return Setup(settings, source, outline, route, options, diarization)


def _tables(recordings: Iterable[Pending]) -> Iterator[pa.Table]:
    """Yields recordings in tables, each for one task."""
    rows: list[dict[str, Any]] = []
    size = 0
    for each in recordings:
        rows.append(
            {
                "path": os.fsencode(each.path),
                "location": os.fsencode(each.location),
                "size": each.size,
                "version": each.version,
                "digest": each.digest,
            }
        )
        size += each.size
        if len(rows) >= _TASK_ROWS or size >= _TASK_BYTES:
            yield pa.Table.from_pylist(rows, WORK)
            rows, size = [], 0
    if rows:
        yield pa.Table.from_pylist(rows, WORK)


def _rows(dataset: "ray.data.Dataset") -> Iterator[tuple[Pending, Result | None]]:
    """Yields the rows of `DIGESTS` or `RESULTS`, as they are ready."""
    for table in dataset.iter_batches(batch_format="pyarrow", batch_size=None):
        for row in table.to_pylist():
            packed = row.pop("result")
            row |= {name: os.fsdecode(row[name]) for name in ("path", "location")}
            yield Pending(**row), None if packed is None else Result.unpack(packed)


def _as_error(error: BaseException) -> NordlydError:
    """Returns the error of this service that made the work on Ray fail."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NordlydError):
            return cause
        cause = getattr(cause, "cause", None) or cause.__cause__
    line = str(error).strip().rpartition("\n")[2]
    return UnavailableError(f"The work on Ray has failed: {line}")
