"""The one way through: a recording's bytes in, a `Transcript` out.

Audio is decoded in processes, text in threads, and the encoder runs in the engine; nothing here
blocks the event loop. Every protocol and the command line go through `Transcriber`.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.audio import SAMPLE_RATE, AudioInfo, Recording, Window, plan_windows
from app.audio.workers import MediaPool
from app.catalogue import ModelCard, Router
from app.deadlines import run_until_deadline
from app.decoding import DecodingOptions, DecodingPool
from app.engine import Admission, EncodedAudio, EncodeRequest, Engine, WindowCallback
from app.errors import InvalidRequestError, UnavailableError
from app.itn import LANGUAGES, FormattingOptions, WordList
from app.notices import Notice
from app.pipeline.incremental import IncrementalDecoder, TextListener
from app.pipeline.memory import trim_soon
from app.pipeline.requests import (
    LoadedModel,
    PipelineOptions,
    Progress,
    TranscriptionRequest,
)
from app.pipeline.text import TextRead, read_text
from app.telemetry import Telemetry
from app.transcript import AlignedTranscript, AlignedWord, Timing, Transcript

_DOING = "its audio was being decoded"
# Work on a longer recording takes memory worth giving back.
_LONG_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class _Heard:
    """A recording's emissions, and the instants and seconds that led to them."""

    model: LoadedModel
    language: str
    emissions: npt.NDArray[np.float32]
    duration: float
    started: float
    decoded: float
    handed_back: float
    queued: float
    encoding: float
    audio: AudioInfo | None
    notices: tuple[Notice, ...]

    @property
    def frame_seconds(self) -> float:
        return self.model.acoustic.hop / SAMPLE_RATE


class Transcriber:
    """Leads recordings through audio, engine and decoding.

    Args:
        router: chooses the model of a request.
        engine: runs the encoders.
        telemetry: where each stage's time is counted.
        options: limits and sizes.
        media: decodes audio; closed with this.
        profanities: words to mask where a request asks for it, instead of our own list.
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
    ) -> None:
        self._router = router
        self._engine = engine
        self._telemetry = telemetry
        self._profanities = profanities
        self._window = round(options.window_seconds * SAMPLE_RATE)
        self._context = round(options.context_seconds * SAMPLE_RATE)
        self._models: dict[str, LoadedModel] = {}
        self._media = media
        self._limits = options.audio
        self._decoding = DecodingPool(
            options.decode_workers, processes=options.decode_processes, jobs=options.decode_jobs
        )

    @property
    def models(self) -> Sequence[LoadedModel]:
        """The models in memory, in the order they were added."""
        return tuple(self._models.values())

    @property
    def media(self) -> MediaPool:
        """Where audio is decoded."""
        return self._media

    @property
    def decoding(self) -> DecodingPool:
        """Where text is decoded."""
        return self._decoding

    def add(self, model: LoadedModel) -> None:
        """Serve one more model; the engine must have its encoder under the card's id."""
        self._models[model.card.id] = model

    def route(
        self,
        model: str | None,
        language: str | None,
        decoding: DecodingOptions | None = None,
        readable: FormattingOptions | None = None,
    ) -> ModelCard:
        """Choose the model, so that a wrong name is told before the audio is decoded.

        Raises:
            UnknownModelError: no such model is loaded, or none for that language.
            InvalidRequestError: the model does not serve the language, cannot be decoded so, or
                nobody wrote rules to make its language readable.
        """
        card = self._router.route(model, language)
        if decoding is not None and card.id in self._models:
            self._models[card.id].decoders.check(decoding)
        written = self._router.language_of(card, language)
        if readable is not None and written not in LANGUAGES:
            raise InvalidRequestError(
                f"format_text has no rules for language {written!r}; "
                f"it has some for: {', '.join(LANGUAGES)}.",
                param="format_text",
            )
        return card

    def loaded(self, card: ModelCard, language: str | None) -> tuple[LoadedModel, str]:
        """The model of a card, and the code of the language that it will hear.

        Raises:
            UnavailableError: it is still being loaded.
        """
        if card.id not in self._models:
            raise UnavailableError(f"The model {card.id} is still being loaded.", code="loading")
        return self._models[card.id], self._router.language_of(card, language)

    def readable(self, options: FormattingOptions | None) -> FormattingOptions | None:
        """What a request asks of a readable text, with the operator's own list of words."""
        if options is None or options.profanities is not None:
            return options
        return replace(options, profanities=self._profanities)

    async def transcribe(
        self,
        request: TranscriptionRequest,
        *,
        progress: Progress | None = None,
        on_text: TextListener | None = None,
    ) -> Transcript:
        """Transcribe one recording. Cancelling the awaiting task stops the work.

        Audio that is silent, or shorter than what one frame of the model sees, has no words;
        the encoder is not asked.

        Args:
            request: what to transcribe.
            progress: called on the event loop as windows are encoded.
            on_text: called on the event loop with each further part of the text, as soon as it is
                final; joined, the parts are the transcript's text. The recording is then read
                piece by piece, and has no alternatives.

        Raises:
            AudioError: the bytes cannot be transcribed.
            DeadlineExceededError: the deadline passed.
            NordlydError: as the router and the engine say.
        """
        follower: IncrementalDecoder | None = None
        if on_text is not None:
            readable = self.readable(request.readable)
            follower = IncrementalDecoder(
                self._decoding, request.decoding, readable, on_text, deadline=request.deadline
            )
        try:
            heard = await self._hear(request, progress, follower)
            reading = await (follower.finish() if follower else self._read(heard, request))
        finally:
            if follower is not None:
                follower.close()
        return Transcript(
            text=reading.text,
            segments=reading.segments,
            language=heard.language,
            model=heard.model.card.id,
            duration=heard.duration,
            timing=self._timing(heard),
            decoder=reading.decoder,
            language_model=reading.language_model,
            alternatives=reading.alternatives,
            formatted=reading.formatted,
            audio=heard.audio,
            notices=heard.notices,
        )

    async def align(
        self, request: TranscriptionRequest, text: str, *, progress: Progress | None = None
    ) -> AlignedTranscript:
        """Find the words of a text in a recording. Cancelling the awaiting task stops the work.

        Args:
            request: the recording; how to decode it is not looked at.
            text: what is said in it, as it was written.
            progress: called on the event loop as windows are encoded.

        Raises:
            InvalidRequestError: text and audio are long and have nothing in common.
            NordlydError: as `transcribe`.
        """
        heard = await self._hear(request, progress)
        words: tuple[AlignedWord, ...] = await self._decoding.run_before(
            request.deadline,
            heard.model.decoders.align,
            heard.emissions,
            text,
            heard.language,
            frame_seconds=heard.frame_seconds,
            duration=heard.duration,
        )
        return AlignedTranscript(
            words=words,
            language=heard.language,
            model=heard.model.card.id,
            duration=heard.duration,
            timing=self._timing(heard),
            audio=heard.audio,
            notices=heard.notices,
        )

    def close(self) -> None:
        """End the threads and processes; what still waits for them is dropped."""
        self._media.close()
        self._decoding.close()

    async def _read(self, heard: _Heard, request: TranscriptionRequest) -> TextRead:
        """Turn emissions into text."""
        return await self._decoding.run_before(
            request.deadline,
            read_text,
            heard.model.decoders,
            heard.emissions,
            request.decoding,
            frame_seconds=heard.frame_seconds,
            duration=heard.duration,
            language=heard.language,
            readable=self.readable(request.readable),
        )

    async def _hear(
        self,
        request: TranscriptionRequest,
        progress: Progress | None,
        follower: IncrementalDecoder | None = None,
    ) -> _Heard:
        """Turn a recording into emissions."""
        started = time.perf_counter()
        card = self.route(request.model, request.language, request.decoding, request.readable)
        model, language = self.loaded(card, request.language)
        recording = await self._decode(request)
        decoded = time.perf_counter()
        encoded = await self.encode(
            model,
            recording,
            request.request_id,
            request.deadline,
            caller=request.caller,
            admission="wait" if request.wait_for_room else "queue",
            progress=progress,
            on_window=None
            if follower is None
            else follower.start(
                model.decoders,
                model.acoustic.vocabulary,
                language,
                frame_seconds=model.acoustic.hop / SAMPLE_RATE,
                duration=recording.duration,
            ),
        )
        # Not where this fails: the device may be reading from it yet, and it closes by itself.
        recording.close()
        if recording.duration > _LONG_SECONDS:
            trim_soon()
        return _Heard(
            model=model,
            language=language,
            emissions=np.zeros((0, len(model.acoustic.vocabulary)), dtype=np.float32)
            if encoded is None
            else encoded.emissions,
            duration=recording.duration,
            started=started,
            decoded=decoded,
            handed_back=time.perf_counter(),
            queued=encoded.queue_seconds if encoded else 0.0,
            encoding=encoded.encode_seconds if encoded else 0.0,
            audio=recording.info,
            notices=(
                *self._router.notices(request.model, request.language),
                *recording.notices,
            ),
        )

    async def _decode(self, request: TranscriptionRequest) -> Recording:
        """Turn a recording's bytes into samples; its source is closed."""
        try:
            job = self._media.submit(
                request.source,
                options=request.audio,
                limits=self._limits,
                caller=request.caller,
                request_id=request.request_id,
                wait_for_room=request.wait_for_room,
            )
        finally:
            if not isinstance(request.source, Path):
                request.source.close()
        return await run_until_deadline(request.deadline, asyncio.wrap_future(job), _DOING)

    async def encode(
        self,
        model: LoadedModel,
        recording: Recording,
        request_id: str,
        deadline: float | None = None,
        *,
        caller: str = "",
        admission: Admission = "queue",
        progress: Progress | None = None,
        on_window: WindowCallback | None = None,
    ) -> EncodedAudio | None:
        """The recording's emissions, or None when it cannot hold a word.

        `caller` and `admission` are those of `EncodeRequest`. Both listeners are called on the
        event loop as windows are encoded.

        Raises:
            NordlydError: as the engine says.
        """
        acoustic = model.acoustic
        windows = plan_windows(
            recording.samples,
            window=self._window,
            context=self._context,
            hop=acoustic.hop,
            receptive_field=acoustic.receptive_field,
        )
        if recording.is_silent or not windows:
            return None

        def fetch(window: Window) -> npt.NDArray[np.float32]:
            return recording.slice(window.start, window.stop, normalise=acoustic.do_normalize)

        def tell(index: int, emissions: npt.NDArray[np.float32]) -> None:
            if progress is not None:
                progress(index + 1, len(windows))
            if on_window is not None:
                on_window(index, emissions)

        return await self._engine.encode(
            EncodeRequest(
                model.card.id,
                windows,
                fetch,
                request_id,
                deadline,
                caller=caller,
                admission=admission,
            ),
            on_window=tell,
        )

    def _timing(self, heard: _Heard) -> Timing:
        """What each stage took until now, which is counted too."""
        finished = time.perf_counter()
        timing = Timing(
            queue=heard.queued,
            decode_audio=heard.decoded - heard.started,
            encode=heard.encoding,
            decode_text=finished - heard.handed_back,
            real_time_factor=(finished - heard.started) / heard.duration,
        )
        model = heard.model.card.id
        self._telemetry.audio_seconds.labels(model).inc(heard.duration)
        self._telemetry.real_time_factor.labels(model).observe(timing.real_time_factor)
        stages = self._telemetry.stage_seconds
        stages.labels("decode_audio").observe(timing.decode_audio)
        stages.labels("queue").observe(timing.queue)
        stages.labels("encode").observe(timing.encode)
        stages.labels("decode_text").observe(timing.decode_text)
        return timing
