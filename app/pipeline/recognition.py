"""Turns decoded recordings into words: the interface, and its implementation in this process.

The encoder runs in the engine, text is decoded in threads; nothing here blocks the event loop.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec, Protocol, TypeVar

from app import tracing
from app.audio import Recording
from app.contract.answers import AlignedWord, Alignment, Transcript
from app.decoding import DecodingPool, SpeechScore
from app.engine import Admission, EncodedAudio, Engine
from app.pipeline.encoding import EncodedRecording, RecordingEncoder
from app.pipeline.groups import EmissionStore
from app.pipeline.incremental import IncrementalDecoder, TextListener
from app.pipeline.requests import DecodedRequest, LoadedModel, PipelineOptions, Progress, Route
from app.pipeline.text import decode_text

_P = ParamSpec("_P")
_T = TypeVar("_T")

_DECODE_TEXT = "decode text"


class Recognition(Protocol):
    """Recognises decoded recordings.

    The timing of what it returns has the queue, the encoder and the text; the caller adds the rest.
    """

    async def transcribe(
        self,
        request: DecodedRequest,
        *,
        progress: Progress | None = None,
        on_text: TextListener | None = None,
        kept: EmissionStore | None = None,
    ) -> Transcript:
        """Transcribes one recording; arguments and errors as `Transcriber.transcribe`."""

    async def align(
        self,
        request: DecodedRequest,
        text: str,
        *,
        progress: Progress | None = None,
        kept: EmissionStore | None = None,
    ) -> Alignment:
        """Finds the words of a text; arguments and errors as `Transcriber.align`."""

    async def score_speech(self, request: DecodedRequest) -> SpeechScore:
        """Scores a recording by the model of its route, whatever the route's options.

        Nearly all of it should be speech.

        Raises:
            NordlydError: as `transcribe`.
        """

    def close(self) -> None:
        """Ends the work; what waits is dropped."""


class LocalRecognition:
    """A `Recognition` in this process, with models in its memory.

    Args:
        engine: runs the encoders.
        loaded: returns the model of a route, or raises `UnavailableError`.
        options: limits and sizes.

    Attributes:
        engine: as given.
        decoding: where text is decoded.
    """

    def __init__(
        self, engine: Engine, loaded: Callable[[Route], LoadedModel], options: PipelineOptions
    ) -> None:
        self.engine = engine
        self.decoding = DecodingPool(
            options.decode_workers, processes=options.decode_processes, jobs=options.decode_jobs
        )
        self._loaded = loaded
        self._encoder = RecordingEncoder(engine, options)

    def loaded(self, route: Route) -> LoadedModel:
        """Returns the model of a route.

        Raises:
            UnavailableError: it is still being loaded.
        """
        return self._loaded(route)

    async def transcribe(
        self,
        request: DecodedRequest,
        *,
        progress: Progress | None = None,
        on_text: TextListener | None = None,
        kept: EmissionStore | None = None,
    ) -> Transcript:
        """Transcribes one recording; see `Recognition`."""
        incremental: IncrementalDecoder | None = None
        if on_text is not None:
            incremental = IncrementalDecoder(
                self.decoding, request.route, on_text, deadline=request.deadline
            )
        try:
            encoded = await self._encode_request(request, progress, incremental, kept)
            blank = encoded.blank_transcript()
            if incremental is not None:
                with tracing.span(_DECODE_TEXT):
                    transcript = await incremental.finish(blank)
                return replace(transcript, timing=encoded.timing())
            transcript = await self._decode(
                request,
                decode_text,
                encoded.model.decoders,
                encoded.emissions,
                request.route.decoding,
                blank,
                frame_seconds=encoded.model.frame_seconds,
                formatting=request.route.formatting,
                redaction=request.route.redaction,
            )
            return replace(transcript, timing=encoded.timing())
        finally:
            if incremental is not None:
                incremental.close()

    async def align(
        self,
        request: DecodedRequest,
        text: str,
        *,
        progress: Progress | None = None,
        kept: EmissionStore | None = None,
    ) -> Alignment:
        """Finds the words of a text; see `Recognition`."""
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
            timing=encoded.timing(),
            request_id=encoded.request_id,
        )

    async def score_speech(self, request: DecodedRequest) -> SpeechScore:
        """Scores a recording by a model; see `Recognition`."""
        encoded = await self._encode_request(request, None)
        return await self._decode(
            request,
            encoded.model.decoders.score_speech,
            encoded.emissions,
            frame_seconds=encoded.model.frame_seconds,
            duration=encoded.duration,
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
        """Ends the decoding threads or processes; waiting work is dropped."""
        self.decoding.close()

    async def _encode_request(
        self,
        request: DecodedRequest,
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
        request: DecodedRequest,
        function: Callable[_P, _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Returns the result of a request's text decoding, which it is called with."""
        with tracing.span(_DECODE_TEXT):
            if request.background:
                return await self.decoding.run_in_background(function, *args, **kwargs)
            return await self.decoding.run_before(request.deadline, function, *args, **kwargs)
