"""The stages of one recording, which every engine of the archive runs: audio, emissions, text.

A recording's transcript is the same whichever process runs a stage.
"""

from dataclasses import dataclass

from app.audio import Recording
from app.contract.answers import AudioFile, Notice, Timing, Transcript
from app.decoding import ModelDecoders
from app.decoding.types import Emissions
from app.errors import (
    EncodingError,
    InsufficientStorageError,
    InvalidRequestError,
    NordlydError,
    OverloadedError,
)
from app.pipeline import Route
from app.pipeline.encoding import audio_file
from app.pipeline.speakers import with_speakers
from app.pipeline.text import decode_text
from app.speakers import DiarizationOptions, Diarizer, Turn

_NO_TIMING = Timing(0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a decoded recording besides its samples.

    Attributes:
        duration: its length in seconds.
        audio: describes its file.
        warnings: from reading it.
        turns: who speaks when; None where speakers are not told apart.
    """

    duration: float
    audio: AudioFile | None
    warnings: tuple[Notice, ...]
    turns: tuple[Turn, ...] | None = None

    @classmethod
    async def of(
        cls, recording: Recording, diarizer: Diarizer, diarization: DiarizationOptions | None
    ) -> "Facts":
        """Returns the facts of a recording.

        Args:
            recording: stays open.
            diarizer: tells its speakers apart.
            diarization: how; None tells none apart.
        """
        info = None if recording.info is None else audio_file(recording.info)
        turns = None
        if diarization is not None:
            turns = await diarizer.diarize(recording, diarization)
        return cls(recording.duration, info, recording.notices, turns)


def transcript_of(
    facts: Facts,
    emissions: Emissions,
    *,
    route: Route,
    decoders: ModelDecoders,
    frame_seconds: float,
) -> Transcript:
    """Decodes the text of a recording, and labels it with the speakers.

    Args:
        facts: of the recording.
        emissions: float32 [frames, vocabulary], natural-log probabilities.
        route: the model and the options.
        decoders: of the model.
        frame_seconds: length of one frame in seconds.
    """
    blank = Transcript(
        text="",
        words=(),
        segments=(),
        confidence=None,
        language=route.language,
        model=route.card.id,
        duration=facts.duration,
        decoder="",
        lm=None,
        audio=facts.audio,
        warnings=(*route.notices, *facts.warnings),
        timing=_NO_TIMING,
        request_id="",
    )
    transcript = decode_text(
        decoders,
        emissions,
        route.decoding,
        blank,
        frame_seconds=frame_seconds,
        formatting=route.formatting,
        redaction=route.redaction,
    )
    if facts.turns is None:
        return transcript
    return with_speakers(transcript, facts.turns, route.formatting)


def concerns_recording(error: NordlydError) -> bool:
    """Returns whether other recordings may succeed where one had this error."""
    kinds = (InvalidRequestError, EncodingError, InsufficientStorageError, OverloadedError)
    return isinstance(error, kinds)
