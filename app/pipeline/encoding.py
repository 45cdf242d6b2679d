"""Computes the emissions of decoded recordings in the engine of this process."""

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.audio import SAMPLE_RATE, AudioInfo, Recording, Window, plan_windows
from app.contract.answers import AudioFile, Notice, Timing, Track, Transcript
from app.engine import Admission, EncodedAudio, EncodeRequest, Engine, WindowCallback
from app.pipeline.groups import EmissionStore, encode_in_groups
from app.pipeline.incremental import IncrementalDecoder
from app.pipeline.memory import AudioMemory
from app.pipeline.requests import DecodedRequest, LoadedModel, PipelineOptions, Progress
from app.pipeline.workload import Work


@dataclass(frozen=True, slots=True)
class EncodedRecording:
    """A recording's emissions, and what is known about the recording and the work so far.

    Attributes:
        model: the model that encoded it.
        language: code of the language that is transcribed.
        request_id: of its request.
        emissions: float32 [frames, vocabulary], natural-log probabilities.
        duration: length of the recording in seconds.
        audio: describes its file; None without one.
        warnings: of its answer.
        encoded: instant of `time.perf_counter` at which its emissions were there.
        queue_seconds: how long it waited for the device.
        encode_seconds: how long the device worked on it.
    """

    model: LoadedModel
    language: str
    request_id: str
    emissions: npt.NDArray[np.float32]
    duration: float
    audio: AudioFile | None
    warnings: tuple[Notice, ...]
    encoded: float
    queue_seconds: float
    encode_seconds: float

    def timing(self) -> Timing:
        """Returns the seconds of each stage after the audio; decoding the text ends now."""
        return Timing(
            queue=self.queue_seconds,
            decode_audio=0.0,
            encode=self.encode_seconds,
            decode_text=time.perf_counter() - self.encoded,
            real_time_factor=0.0,
        )

    def blank_transcript(self) -> Transcript:
        """Returns the transcript without its text."""
        return Transcript(
            text="",
            words=(),
            segments=(),
            confidence=None,
            language=self.language,
            model=self.model.card.id,
            duration=self.duration,
            decoder="",
            lm=None,
            audio=self.audio,
            warnings=self.warnings,
            timing=self.timing(),
            request_id=self.request_id,
        )


class RecordingEncoder:
    """Turns recordings into emissions.

    Args:
        engine: runs the encoders.
        options: sizes of the windows.
    """

    def __init__(self, engine: Engine, options: PipelineOptions) -> None:
        self._engine = engine
        self._window = round(options.window_seconds * SAMPLE_RATE)
        self._context = round(options.context_seconds * SAMPLE_RATE)
        self._memory = AudioMemory()

    async def encode_request(
        self,
        request: DecodedRequest,
        model: LoadedModel,
        *,
        progress: Progress | None = None,
        incremental: IncrementalDecoder | None = None,
        kept: EmissionStore | None = None,
    ) -> EncodedRecording:
        """Returns the emissions of a request's recording.

        Args:
            request: the recording; closed where this succeeds.
            model: encodes it.
            progress: called on the event loop as windows are encoded.
            incremental: decodes the text while windows are still being encoded.
            kept: keeps the emissions, which are then rounded to half precision.

        Raises:
            NordlydError: as the engine raises it.
        """
        recording = request.recording
        if kept is not None:
            kept.begin(recording.duration)
        on_window: WindowCallback | None = None
        if incremental is not None:
            on_window = incremental.start(
                model.decoders,
                model.acoustic.vocabulary,
                request.route.language,
                frame_seconds=model.frame_seconds,
                duration=recording.duration,
            )
        with self._memory.hold(recording.duration):
            encoded = await self.encode(
                model,
                recording,
                request.request_id,
                request.deadline,
                caller=request.caller,
                admission="wait" if request.wait_for_room else "queue",
                background=request.background,
                work=request.work,
                progress=progress,
                on_window=on_window,
                kept=kept,
            )
            # Not where this fails: the device may still read from it, and it closes by itself.
            recording.close()
        empty = np.zeros((0, len(model.acoustic.vocabulary)), dtype=np.float32)
        return EncodedRecording(
            model=model,
            language=request.route.language,
            request_id=request.request_id,
            emissions=encoded.emissions if encoded else empty,
            duration=recording.duration,
            audio=None if recording.info is None else audio_file(recording.info),
            warnings=(*request.route.notices, *recording.notices),
            encoded=time.perf_counter(),
            queue_seconds=encoded.queue_seconds if encoded else 0.0,
            encode_seconds=encoded.encode_seconds if encoded else 0.0,
        )

    async def encode(
        self,
        model: LoadedModel,
        recording: Recording,
        request_id: str,
        deadline: float | None = None,
        *,
        caller: str = "",
        admission: Admission = "queue",
        background: bool = False,
        work: Work | None = None,
        progress: Progress | None = None,
        on_window: WindowCallback | None = None,
        kept: EmissionStore | None = None,
    ) -> EncodedAudio | None:
        """Returns the emissions of decoded audio; None where it cannot hold a word.

        `caller`, `admission` and `background` are those of `EncodeRequest`. `work` counts what is
        encoded. Both callbacks are called on the event loop as windows are encoded; with `kept`,
        only `progress`.

        Raises:
            NordlydError: as the engine and `kept` raise it.
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

        def window_encoded(index: int, emissions: npt.NDArray[np.float32]) -> None:
            if work is not None:
                work.encoded(recording.duration * (1 - (index + 1) / len(windows)))
            if progress is not None:
                progress(index + 1, len(windows))
            if on_window is not None:
                on_window(index, emissions)

        request = EncodeRequest(
            model.encoder_name,
            windows,
            fetch,
            request_id,
            deadline,
            caller=caller,
            admission=admission,
            background=background,
        )
        if kept is not None:
            return await encode_in_groups(
                self._engine,
                request,
                model,
                kept,
                on_progress=lambda done: progress(done, len(windows)) if progress else None,
            )
        return await self._engine.encode(request, on_window=window_encoded)


def audio_file(info: AudioInfo) -> AudioFile:
    """Returns the description of a file as answers give it."""
    read = next(track for track in info.tracks if track.index == info.track)
    return AudioFile(
        container=info.container,
        codec=read.codec,
        channels=read.channels,
        rate=read.rate,
        tracks=tuple(
            Track(track.index, track.codec, track.channels, track.rate, track.language)
            for track in info.tracks
        ),
        track=info.track,
    )
