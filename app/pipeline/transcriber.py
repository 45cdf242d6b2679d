"""Transcribes or aligns one recording, from its bytes to a `Transcript` or an `Alignment`.

Audio is decoded in processes, text in threads, and the encoder runs in the engine; nothing here
blocks the event loop. Every protocol and the command line use `Transcriber`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ParamSpec, TypeVar

from app import tracing
from app.audio import Recording
from app.audio.workers import MediaPool
from app.catalogue import Router
from app.contract.answers import AlignedWord, Alignment, Timing, Transcript
from app.decoding import DecodingOptions, DecodingPool
from app.engine import Admission, EncodedAudio, Engine
from app.itn import FormattingOptions, WordList
from app.pipeline.encoding import EncodedRecording, RecordingEncoder
from app.pipeline.groups import EmissionStore
from app.pipeline.incremental import IncrementalDecoder, TextListener
from app.pipeline.requests import (
    LoadedModel,
    PipelineOptions,
    Progress,
    Route,
    TranscriptionRequest,
)
from app.pipeline.routing import ModelRegistry
from app.pipeline.text import decode_text, with_formatting
from app.telemetry import Telemetry

_P = ParamSpec("_P")
_T = TypeVar("_T")

_DECODE_TEXT = "decode text"


class Transcriber:
    """Takes recordings through audio, engine and decoding.

    Args:
        router: chooses the model of a request.
        engine: runs the encoders.
        telemetry: counts the time of each stage.
        options: limits and sizes.
        media: decodes audio; closed with this.
        count_audio: called with the caller and the seconds of audio of every result.
        profanities: words to mask where a request has `mask_profanities`, instead of our own list.
    """

    def __init__(
        self,
        router: Router,
        engine: Engine,
        telemetry: Telemetry,
        options: PipelineOptions,
        media: MediaPool,
        *,
        profanities: WordList | None = None,
        count_audio: Callable[[str, float], None] | None = None,
    ) -> None:
        self._registry = ModelRegistry(router, options.search, profanities)
        self._encoder = RecordingEncoder(engine, media, options)
        self._telemetry = telemetry
        self._count_audio = count_audio
        self._media = media
        self._decoding = DecodingPool(
            options.decode_workers, processes=options.decode_processes, jobs=options.decode_jobs
        )

    @property
    def models(self) -> Sequence[LoadedModel]:
        """The models in memory, in the order they were added."""
        return self._registry.models

    @property
    def media(self) -> MediaPool:
        """Where audio is decoded."""
        return self._media

    @property
    def decoding(self) -> DecodingPool:
        """Where text is decoded."""
        return self._decoding

    def add(self, model: LoadedModel) -> None:
        """Adds a model; the engine must have its encoder under the card's id."""
        self._registry.add(model)

    def switch(self, *, add: LoadedModel | None = None, remove: str | None = None) -> None:
        """Changes which models serve the next requests; as `ModelRegistry.switch`."""
        self._registry.switch(add=add, remove=remove)

    def route(
        self,
        model: str | None = None,
        language: str | None = None,
        decoding: DecodingOptions | None = None,
        formatting: FormattingOptions | None = None,
    ) -> Route:
        """Returns the model and the options that serve a request, before its audio is decoded.

        Args:
            model: id or hub id of a loaded model; None lets the language choose.
            language: code, tag or name; None takes the default.
            decoding: how to decode the emissions; None takes the defaults.
            formatting: how to write the formatted text; None leaves it out.

        Raises:
            UnknownModelError: no such model is loaded, or none for that language.
            InvalidRequestError: the model does not serve the language, cannot be decoded so, or
                its language has no rules for the formatted text.
        """
        return self._registry.route(model, language, decoding, formatting)

    def format(self, transcript: Transcript, formatting: FormattingOptions) -> Transcript:
        """Returns a verbatim transcript with its formatted text; takes long for a long one.

        Args:
            transcript: with all its words.
            formatting: how to write the text; the operator's profanities are added.
        """
        return with_formatting(transcript, self._registry.with_profanities(formatting))

    def loaded(self, route: Route) -> LoadedModel:
        """Returns the model of a route.

        Raises:
            UnavailableError: it is still being loaded.
        """
        return self._registry.loaded(route)

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
                piece by piece, and has no alternatives.
            kept: keeps the emissions, for another attempt with the same recording.

        Raises:
            AudioError: the bytes cannot be transcribed.
            DeadlineExceededError: the deadline passed.
            NordlydError: as the router and the engine raise it.
        """
        incremental: IncrementalDecoder | None = None
        if on_text is not None:
            incremental = IncrementalDecoder(
                self._decoding, request.route, on_text, deadline=request.deadline
            )
        with _span_of("transcribe", request):
            try:
                encoded = await self._encode_request(request, progress, incremental, kept)
                blank = encoded.blank_transcript()
                if incremental is not None:
                    with tracing.span(_DECODE_TEXT):
                        transcript = await incremental.finish(blank)
                else:
                    transcript = await self._decode(
                        request,
                        decode_text,
                        encoded.model.decoders,
                        encoded.emissions,
                        request.route.decoding,
                        blank,
                        frame_seconds=encoded.model.frame_seconds,
                        formatting=request.route.formatting,
                    )
            finally:
                if incremental is not None:
                    incremental.close()
            return replace(transcript, timing=self._finish(request, encoded))

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
            encoded = await self._encode_request(request, progress, kept=kept)
            words: tuple[AlignedWord, ...] = await self._decode(
                request,
                encoded.model.decoders.align,
                encoded.emissions,
                text,
                encoded.language,
                frame_seconds=encoded.model.frame_seconds,
                duration=encoded.duration,
            )
            return Alignment(
                words=words,
                language=encoded.language,
                model=encoded.model.card.id,
                duration=encoded.duration,
                audio=encoded.audio,
                warnings=encoded.warnings,
                timing=self._finish(request, encoded),
                request_id=encoded.request_id,
            )

    async def encode(
        self,
        model: LoadedModel,
        recording: Recording,
        request_id: str,
        *,
        caller: str,
        admission: Admission,
    ) -> EncodedAudio | None:
        """Returns the emissions of decoded audio; None where it cannot hold a word.

        `caller` and `admission` are those of `EncodeRequest`.

        Raises:
            NordlydError: as the engine raises it.
        """
        return await self._encoder.encode(
            model, recording, request_id, caller=caller, admission=admission
        )

    def close(self) -> None:
        """Ends the threads and processes; waiting work is dropped."""
        self._media.close()
        self._decoding.close()

    async def _encode_request(
        self,
        request: TranscriptionRequest,
        progress: Progress | None,
        incremental: IncrementalDecoder | None = None,
        kept: EmissionStore | None = None,
    ) -> EncodedRecording:
        return await self._encoder.encode_request(
            request,
            self.loaded(request.route),
            progress=progress,
            incremental=incremental,
            kept=kept,
        )

    async def _decode(
        self,
        request: TranscriptionRequest,
        function: Callable[_P, _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Returns the result of a request's text decoding, which it is called with."""
        with tracing.span(_DECODE_TEXT):
            if request.background:
                return await self._decoding.run_in_background(function, *args, **kwargs)
            return await self._decoding.run_before(request.deadline, function, *args, **kwargs)

    def _finish(self, request: TranscriptionRequest, encoded: EncodedRecording) -> Timing:
        """Returns what each stage took until now, and counts it in the metrics."""
        if request.work is not None:
            request.work.finished = True
        if self._count_audio is not None:
            self._count_audio(request.caller, encoded.duration)
        timing = encoded.timing()
        model = encoded.model.card.id
        tracing.note_recording(model, encoded.duration)
        self._telemetry.audio_seconds.labels(model).inc(encoded.duration)
        self._telemetry.real_time_factor.labels(model).observe(timing.real_time_factor)
        for stage in ("decode_audio", "queue", "encode", "decode_text"):
            self._telemetry.stage_seconds.labels(stage).observe(getattr(timing, stage))
        return timing


def _span_of(name: str, request: TranscriptionRequest) -> tracing.Span:
    span = tracing.span(name)
    span.set("nordlyd.model", request.route.card.id)
    span.set("nordlyd.language", request.route.language)
    return span
