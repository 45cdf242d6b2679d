"""Transcribes or aligns one recording, from its bytes to a `Transcript` or an `Alignment`.

Audio is decoded in processes of this machine; a `Recognition` does the rest, here or elsewhere.
Nothing here blocks the event loop. Every protocol and the command line use `Transcriber`.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from app import tracing
from app.audio import AudioLimits, Recording
from app.audio.workers import MediaPool
from app.contract.answers import Alignment, Timing, Transcript
from app.deadlines import run_until_deadline
from app.decoding import DecodingOptions
from app.errors import DeadlineExceededError, InvalidRequestError
from app.itn import FormattingOptions
from app.pipeline.channels import count_channels, join_channels
from app.pipeline.groups import EmissionsOfPart, EmissionStore
from app.pipeline.incremental import TextListener
from app.pipeline.passes import progress_of_pass
from app.pipeline.recognition import Recognition
from app.pipeline.requests import (
    AvailableModel,
    DecodedRequest,
    Progress,
    Route,
    TranscriptionRequest,
)
from app.pipeline.routing import ModelRegistry
from app.pipeline.speakers import transcribe_speakers
from app.pipeline.text import with_formatting
from app.redaction import RedactionOptions
from app.speakers import DiarizationOptions, Diarizer
from app.telemetry import Telemetry

_DOING = "its audio was being decoded"


class Transcriber:
    """Takes recordings through audio, engine and decoding.

    Args:
        registry: the models, and which of them serves a request.
        recognition: turns decoded audio into words; closed with this.
        telemetry: counts the time of each stage.
        limits: of what one recording may hold.
        media: decodes audio; closed with this.
        diarizer: tells speakers apart; closed with this.
        count_audio: called with the caller and the seconds of audio of every result.
    """

    def __init__(
        self,
        registry: ModelRegistry,
        recognition: Recognition,
        telemetry: Telemetry,
        limits: AudioLimits,
        media: MediaPool,
        *,
        diarizer: Diarizer,
        count_audio: Callable[[str, float], None] | None = None,
    ) -> None:
        self._registry = registry
        self._recognition = recognition
        self._telemetry = telemetry
        self._limits = limits
        self._media = media
        self.diarizer = diarizer
        self._count_audio = count_audio

    @property
    def models(self) -> Sequence[AvailableModel]:
        """The loaded models, in the order they were added."""
        return self._registry.models

    @property
    def media(self) -> MediaPool:
        """Where audio is decoded."""
        return self._media

    def add(self, model: AvailableModel) -> None:
        """Adds a model; the engine must have its encoder under the card's id."""
        self._registry.add(model)

    def switch(self, *, add: AvailableModel | None = None, remove: str | None = None) -> None:
        """Changes which models serve the next requests; as `ModelRegistry.switch`."""
        self._registry.switch(add=add, remove=remove)

    def route(
        self,
        model: str | None = None,
        language: str | None = None,
        decoding: DecodingOptions | None = None,
        formatting: FormattingOptions | None = None,
        redaction: RedactionOptions | None = None,
        *,
        detect: bool = False,
    ) -> Route:
        """Returns the model and the options that serve a request, before its audio is decoded.

        Args:
            model: id or hub id of a loaded model; None lets the language choose.
            language: code, tag or name; None takes the default. With `detect` also `auto` and
                `auto-each`.
            decoding: how to decode the emissions; None takes the defaults.
            formatting: how to write the formatted text; None leaves it out.
            redaction: what to mask besides what the operator masks; None for nothing.
            detect: whether the language may be left to the speech, which only whole recordings
                can: `transcribe` then chooses.

        Raises:
            UnknownModelError: no such model is loaded, or none for that language.
            InvalidRequestError: the model does not serve the language, cannot be decoded so, or
                its language has no rules for the formatted text or for what is masked; there are
                no names to mask; or the language is to be detected where that is not possible.
        """
        route = self._registry.route(model, language, decoding, formatting, detect=detect)
        return self._registry.with_redaction(route, redaction)

    def check_diarization(self, options: DiarizationOptions | None) -> None:
        """Does nothing where speakers can be told apart, or are not to be.

        Raises:
            InvalidRequestError: a package or the weights that this needs are missing.
        """
        if options is not None:
            self.diarizer.check()

    def format(self, transcript: Transcript, formatting: FormattingOptions) -> Transcript:
        """Returns a verbatim transcript with its formatted text; takes long for a long one.

        Args:
            transcript: with all its words.
            formatting: how to write the text; the operator's profanities are added.
        """
        return with_formatting(transcript, self._registry.with_profanities(formatting))

    async def transcribe(
        self,
        request: TranscriptionRequest,
        *,
        progress: Progress | None = None,
        on_text: TextListener | None = None,
        kept: EmissionStore | None = None,
    ) -> Transcript:
        """Transcribes one recording. Cancelling the awaiting task stops the work.

        Audio that is silent, or shorter than what one frame of the model needs, has no words and
        is not encoded.

        Args:
            request: what to transcribe.
            progress: called on the event loop as windows are encoded.
            on_text: called on the event loop with each further part of the text, as soon as it is
                final; joined, the parts are the transcript's text. The recording is then decoded
                piece by piece, and has no alternatives. Without effect where channels are separate
                or speakers are told apart.
            kept: keeps the emissions, for another attempt with the same recording.

        Raises:
            AudioError: the bytes cannot be transcribed.
            DeadlineExceededError: the deadline passed.
            NordlydError: as the router and the engine raise it.
        """
        with _span_of("transcribe", request):
            if request.audio.separate:
                return await self._transcribe_channels(request, progress=progress, kept=kept)
            started = time.perf_counter()
            decoded = await self._decoded(request)
            audio_seconds = time.perf_counter() - started
            if request.diarization is None:
                transcript = await self._recognition.transcribe(
                    decoded, progress=progress, on_text=on_text, kept=kept
                )
            else:
                transcript = await transcribe_speakers(
                    self.diarizer,
                    request.diarization,
                    decoded,
                    partial(self._recognition.transcribe, progress=progress, kept=kept),
                )
            timing = self._finish(request, transcript, started, audio_seconds)
            return replace(transcript, timing=timing)

    async def _transcribe_channels(
        self,
        request: TranscriptionRequest,
        *,
        progress: Progress | None = None,
        kept: EmissionStore | None = None,
    ) -> Transcript:
        """Returns the transcript of a recording whose channels are transcribed one by one.

        Raises:
            InvalidRequestError: there are too many channels, or alternatives are requested, which
                rank the words of a single recording.
        """
        if request.route.decoding.n_best > 1:
            raise InvalidRequestError(
                "n_best is above 1; accepted with channels=separate: 1.", param="n_best"
            )
        started = time.perf_counter()
        audio_seconds = 0.0
        transcripts: list[Transcript] = []
        channel, channels = 0, 1
        try:
            while channel < channels:
                began = time.perf_counter()
                decoded = await self._decoded(request, channel=channel)
                channels = count_channels(decoded.recording, request.audio)
                audio_seconds += time.perf_counter() - began

                transcripts.append(
                    await self._recognition.transcribe(
                        decoded,
                        progress=progress and progress_of_pass(progress, channel, channels),
                        kept=None if kept is None else EmissionsOfPart(kept, f"channel{channel}"),
                    )
                )
                channel += 1
        finally:
            _close(request)
        transcript = join_channels(transcripts)
        timing = self._finish(request, transcript, started, audio_seconds, channels=channels)
        return replace(transcript, timing=timing)

    async def align(
        self,
        request: TranscriptionRequest,
        text: str,
        *,
        progress: Progress | None = None,
        kept: EmissionStore | None = None,
    ) -> Alignment:
        """Finds the words of a text in a recording. Cancelling the awaiting task stops the work.

        Args:
            request: the recording; its options of decoding and formatting have no effect.
            text: the written form of its speech.
            progress: called on the event loop as windows are encoded.
            kept: keeps the emissions, for another attempt with the same recording.

        Raises:
            InvalidRequestError: text and audio are long and have nothing in common.
            NordlydError: as `transcribe`.
        """
        with _span_of("align", request):
            started = time.perf_counter()
            decoded = await self._decoded(request)
            audio_seconds = time.perf_counter() - started
            alignment = await self._recognition.align(decoded, text, progress=progress, kept=kept)
            timing = self._finish(request, alignment, started, audio_seconds)
            return replace(alignment, timing=timing)

    def close(self) -> None:
        """Ends the threads and processes; waiting work is dropped."""
        self._media.close()
        self.diarizer.close()
        self._recognition.close()

    async def _decoded(
        self, request: TranscriptionRequest, *, channel: int | None = None
    ) -> DecodedRequest:
        """Returns a request whose audio was decoded, for the recognition.

        Closes the source, unless a `channel` is requested, after which others may be.
        """
        with tracing.span("decode audio") as span:
            recording = await self._decode_audio(request, channel)
            span.set("nordlyd.audio.seconds", round(recording.duration, 3))
        if request.work is not None:
            request.work.decoded(recording.duration)
        return DecodedRequest.of(request, recording)

    async def _decode_audio(self, request: TranscriptionRequest, channel: int | None) -> Recording:
        try:
            if request.deadline is not None and request.deadline <= time.monotonic():
                raise DeadlineExceededError(
                    "The request's deadline passed before its audio was decoded."
                )
            job = self._media.submit(
                request.source,
                options=replace(request.audio, channel=channel),
                limits=self._limits,
                caller=request.caller,
                request_id=request.request_id,
                wait_for_room=request.wait_for_room,
                background=request.background,
            )
        finally:
            if channel is None:
                _close(request)
        return await run_until_deadline(request.deadline, asyncio.wrap_future(job), _DOING)

    def _finish(
        self,
        request: TranscriptionRequest,
        result: Transcript | Alignment,
        started: float,
        audio_seconds: float,
        *,
        channels: int = 1,
    ) -> Timing:
        """Returns what each stage took until now, and counts it in the metrics."""
        audio = channels * result.duration
        if request.work is not None:
            request.work.finished = True
        if self._count_audio is not None:
            self._count_audio(request.caller, audio)
        timing = replace(
            result.timing,
            decode_audio=audio_seconds,
            real_time_factor=(time.perf_counter() - started) / result.duration,
        )
        model = result.model
        tracing.note_recording(model, result.duration)
        self._telemetry.audio_seconds.labels(model).inc(audio)
        self._telemetry.real_time_factor.labels(model).observe(timing.real_time_factor)
        for stage in (
            "decode_audio",
            "queue",
            "encode",
            "decode_text",
            "diarize",
            "detect_language",
        ):
            seconds: float | None = getattr(timing, stage)
            if seconds is not None:
                self._telemetry.stage_seconds.labels(stage).observe(seconds)
        return timing


def _close(request: TranscriptionRequest) -> None:
    if not isinstance(request.source, Path):
        request.source.close()


def _span_of(name: str, request: TranscriptionRequest) -> tracing.Span:
    span = tracing.span(name)
    span.set("nordlyd.model", request.route.card.id)
    span.set("nordlyd.language", request.route.language)
    return span
