"""Recognises recordings in the replicas of their models."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from app.audio import SAMPLE_RATE, Window, plan_windows
from app.catalogue import ModelCard
from app.cluster.calls import ELSEWHERE, ModelCalls
from app.cluster.messages import (
    EncoderFacts,
    GroupEncoded,
    Kept,
    RecordingMessage,
    WindowsEncoded,
)
from app.contract.answers import Alignment, Transcript
from app.deadlines import run_until_deadline
from app.decoding import SpeechScore
from app.errors import UnavailableError
from app.pipeline import DecodedRequest, EmissionStore, PipelineOptions, Progress
from app.pipeline.groups import group_names
from app.pipeline.incremental import TextDelta, TextListener

_ATTEMPTS = 3
_DOING = "its model was being loaded"


class Models(Protocol):
    """Where the replicas of models are; `RemoteEngine` is one."""

    async def calls(self, card: ModelCard) -> ModelCalls:
        """Returns the calls of a model, which is loaded where it is not."""

    def encoder_of(self, model: str) -> EncoderFacts:
        """Returns how the emissions of a loaded model are made."""


class RemoteRecognition:
    """A `Recognition` by the replicas of each model.

    A recording whose replica is lost is given to another one, unless a part of its text was passed
    on already.

    Args:
        models: where the replicas are.
        options: sizes of the windows.
    """

    def __init__(self, models: Models, options: PipelineOptions) -> None:
        self._models = models
        self._window = round(options.window_seconds * SAMPLE_RATE)
        self._context = round(options.context_seconds * SAMPLE_RATE)

    async def transcribe(
        self,
        request: DecodedRequest,
        *,
        progress: Progress | None = None,
        on_text: TextListener | None = None,
        kept: EmissionStore | None = None,
    ) -> Transcript:
        """Transcribes one recording; see `Recognition`."""
        result = await self._recognise(
            _Task(request, progress=progress, on_text=on_text, kept=kept)
        )
        assert isinstance(result, Transcript)
        return result

    async def align(
        self,
        request: DecodedRequest,
        text: str,
        *,
        progress: Progress | None = None,
        kept: EmissionStore | None = None,
    ) -> Alignment:
        """Finds the words of a text; see `Recognition`."""
        result = await self._recognise(_Task(request, text, progress=progress, kept=kept))
        assert isinstance(result, Alignment)
        return result

    async def score_speech(self, request: DecodedRequest) -> SpeechScore:
        """Scores a recording by a model; see `Recognition`."""
        calls = await run_until_deadline(
            request.deadline, self._models.calls(request.route.card), _DOING
        )
        message = await asyncio.to_thread(RecordingMessage.of, request)
        request.recording.close()
        result = await calls.run(
            "score_speech", lambda: (message.until(request.deadline),), request.deadline
        )
        assert isinstance(result, SpeechScore)
        return result

    def close(self) -> None:
        """Does nothing: the replicas end by themselves."""

    async def _recognise(self, task: "_Task") -> Transcript | Alignment:
        request = task.request
        calls = await run_until_deadline(
            request.deadline, self._models.calls(request.route.card), _DOING
        )
        message = await asyncio.to_thread(RecordingMessage.of, request)
        request.recording.close()
        in_one = request.recording.samples <= self._window
        if task.on_text is None and task.kept is None and (task.progress is None or in_one):
            result = await _call(calls, task, message)
            if task.progress is not None:
                task.progress(1, 1)
        else:
            result = await self._follow(calls, task, message)
        if request.work is not None:
            request.work.encoded(0.0)
        return result

    async def _follow(
        self, calls: ModelCalls, task: "_Task", message: RecordingMessage
    ) -> Transcript | Alignment:
        """Recognises a recording and passes on what is known meanwhile."""
        if task.kept is not None:
            task.kept.begin(task.request.recording.duration)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._attempt(calls, task, message)
            except UnavailableError as error:
                if error.code not in ELSEWHERE or task.passed_on or attempt == _ATTEMPTS:
                    raise
        raise AssertionError

    async def _attempt(
        self, calls: ModelCalls, task: "_Task", message: RecordingMessage
    ) -> Transcript | Alignment:
        deadline = task.request.deadline
        kept = None if task.kept is None else await self._load(task.request, task.kept)
        updates = calls.iterate(
            "follow",
            message.until(deadline),
            task.text,
            deadline=deadline,
            growing=task.on_text is not None,
            kept=kept,
        )
        async with aclosing(updates):
            async for update in updates:
                if isinstance(update, Transcript | Alignment):
                    return update
                await task.update(update)
        raise calls.lost()

    async def _load(self, request: DecodedRequest, kept: EmissionStore) -> Kept:
        """Returns the groups of an earlier attempt."""
        found = {}
        encoder = self._models.encoder_of(request.route.card.id)
        windows = self._plan(request.recording.samples, encoder)
        model = request.route.card.id
        for name in group_names(windows, model, tokens=encoder.tokens, hop=encoder.hop):
            emissions = await kept.load(name)
            if emissions is not None:
                found[name] = emissions
        return found

    def _plan(self, samples: int, encoder: EncoderFacts) -> Sequence[Window]:
        return plan_windows(
            samples,
            window=self._window,
            context=self._context,
            hop=encoder.hop,
            receptive_field=encoder.receptive_field,
        )


@dataclass(slots=True)
class _Task:
    """One recording, and who is informed of its progress.

    Attributes:
        text: to align with; None transcribes.
        passed_on: whether a part of its text was passed on.
    """

    request: DecodedRequest
    text: str | None = None
    progress: Progress | None = None
    on_text: TextListener | None = None
    kept: EmissionStore | None = None
    passed_on: bool = False

    async def update(self, update: object) -> None:
        """Passes on what a replica yielded."""
        match update:
            case WindowsEncoded(done, windows):
                if self.request.work is not None:
                    self.request.work.encoded(
                        self.request.recording.duration * (1 - done / windows)
                    )
                if self.progress is not None:
                    self.progress(done, windows)
            case TextDelta() if self.on_text is not None:
                self.passed_on = True
                self.on_text(update)
            case GroupEncoded(name, emissions) if self.kept is not None:
                await self.kept.save(name, emissions)


async def _call(
    calls: ModelCalls, task: _Task, message: RecordingMessage
) -> Transcript | Alignment:
    deadline = task.request.deadline

    def arguments() -> tuple[object, ...]:
        current = message.until(deadline)
        return (current,) if task.text is None else (current, task.text)

    method = "transcribe" if task.text is None else "align"
    result = await calls.run(method, arguments, deadline)
    assert isinstance(result, Transcript | Alignment)
    return result
