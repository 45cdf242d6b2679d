"""Turns a recording of one person into the embedding of the voice."""

import asyncio
from dataclasses import dataclass, replace
from typing import BinaryIO

from app.audio import AudioLimits, DecodeOptions, Recording
from app.audio.workers import MediaPool
from app.errors import InvalidRequestError, TooLargeError
from app.speakers import DiarizationOptions, Diarizer, Embedding, Turn

_MIN_SPEECH_SECONDS = 1.0
_MAX_OTHER_SHARE = 0.1
"""What a second voice may have of the speech, as where one person is taken for two."""
_ROUNDED_SECONDS = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class VoiceSample:
    """What is known of a voice from a sample.

    Attributes:
        embedding: [values], of length 1.
        seconds: how long the person speaks in the sample.
    """

    embedding: Embedding
    seconds: float


@dataclass(frozen=True, slots=True)
class SampleRules:
    """What a sample must be.

    Attributes:
        min_seconds: it is at least so long.
        max_seconds: it is at most so long.
        param: the field of the request that has it, for errors.
    """

    min_seconds: float
    max_seconds: float
    param: str


class VoiceSampler:
    """Decodes samples and finds the voice in each.

    Args:
        media: decodes audio.
        limits: of what a recording may hold.
        diarizer: has the networks.
    """

    def __init__(self, media: MediaPool, limits: AudioLimits, diarizer: Diarizer) -> None:
        self._media = media
        self._limits = limits
        self._diarizer = diarizer

    def check(self) -> None:
        """Does nothing where voices can be compared; raises as `Diarizer.check`."""
        self._diarizer.check()

    async def read(
        self,
        source: BinaryIO,
        rules: SampleRules,
        *,
        audio: DecodeOptions,
        caller: str,
        request_id: str,
    ) -> VoiceSample:
        """Returns the voice of the one person who speaks in a sample.

        Args:
            source: an open file at its beginning; is closed.
            rules: what the sample must be.
            audio: how to decode it.
            caller: who sent it.
            request_id: for the logs.

        Raises:
            AudioError: it is no audio.
            InvalidRequestError: it is too short, too long, has too little speech, or more than one
                person speaks; or voices cannot be compared here.
        """
        with source:
            limits = replace(self._limits, max_seconds=rules.max_seconds + _ROUNDED_SECONDS)
            job = self._media.submit(
                source, options=audio, limits=limits, caller=caller, request_id=request_id
            )
        try:
            recording = await asyncio.wrap_future(job)
        except TooLargeError as error:
            raise _wrong_length(f"longer than {rules.max_seconds:g} s", rules) from error
        try:
            if recording.duration < rules.min_seconds - _ROUNDED_SECONDS:
                raise _wrong_length(f"{recording.duration:.1f} s long", rules)
            return await self._voice_in(recording, rules.param)
        finally:
            recording.close()

    async def _voice_in(self, recording: Recording, param: str) -> VoiceSample:
        turns = await self._diarizer.diarize(recording, DiarizationOptions())
        seconds = _seconds_of_speakers(turns)
        speaker = max(seconds, key=seconds.__getitem__, default=None)
        if speaker is None or seconds[speaker] < _MIN_SPEECH_SECONDS:
            raise InvalidRequestError(
                f"The sample has less than {_MIN_SPEECH_SECONDS:g} s of speech; accepted: one "
                "person who speaks.",
                param=param,
            )
        if sum(seconds.values()) - seconds[speaker] > _MAX_OTHER_SHARE * sum(seconds.values()):
            raise InvalidRequestError(
                f"{len(seconds)} persons speak in the sample; accepted: one.", param=param
            )
        voices = await self._diarizer.voices(recording, turns)
        if speaker not in voices:
            raise InvalidRequestError(
                "No one speaks alone in the sample for half a second; accepted: one person who "
                "speaks.",
                param=param,
            )
        return VoiceSample(voices[speaker], seconds[speaker])


def _seconds_of_speakers(turns: tuple[Turn, ...]) -> dict[int, float]:
    seconds: dict[int, float] = {}
    for turn in turns:
        seconds[turn.speaker] = seconds.get(turn.speaker, 0.0) + turn.end - turn.start
    return seconds


def _wrong_length(found: str, rules: SampleRules) -> InvalidRequestError:
    return InvalidRequestError(
        f"The sample is {found}; accepted: {rules.min_seconds:g} to {rules.max_seconds:g} s.",
        param=rules.param,
    )
