"""Transcribes a recording and finds out who speaks in it at the same time."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from app import tracing
from app.audio import Recording
from app.contract.answers import Segment, Transcript
from app.contract.segments import speakers_of
from app.deadlines import run_until_deadline
from app.itn import FormattingOptions
from app.pipeline.requests import DecodedRequest
from app.pipeline.text import with_formatting, with_words
from app.speakers import DiarizationOptions, Diarizer, Turn, label_words, name_speakers

_DOING = "its speakers were being told apart"


async def transcribe_speakers(
    diarizer: Diarizer,
    options: DiarizationOptions,
    request: DecodedRequest,
    transcribe: Callable[[DecodedRequest], Awaitable[Transcript]],
) -> Transcript:
    """Returns the transcript of a recording, with its speakers.

    Args:
        diarizer: tells the speakers apart.
        options: how many speakers there may be, and whose names are known.
        request: the recording and its route; the recording is closed.
        transcribe: recognises the words.

    Raises:
        DeadlineExceededError: the deadline passed.
        NordlydError: as both raise it.
    """
    recording = request.recording.share()
    diarizing = asyncio.create_task(_timed(diarizer, recording, options))
    try:
        transcript = await transcribe(request)
        turns, names, seconds = await run_until_deadline(request.deadline, diarizing, _DOING)
    except BaseException:
        diarizing.cancel()
        await asyncio.gather(diarizing, return_exceptions=True)
        raise
    labelled = await asyncio.to_thread(
        with_speakers, transcript, turns, request.route.formatting, names
    )
    return replace(labelled, timing=replace(labelled.timing, diarize=seconds))


def with_speakers(
    transcript: Transcript,
    turns: tuple[Turn, ...],
    formatting: FormattingOptions | None,
    names: Mapping[int, str] = MappingProxyType({}),
) -> Transcript:
    """Returns a transcript with the speakers of its words, and with its formatted text.

    The text is formatted anew, since sentences end where the speaker changes.

    Args:
        transcript: with all its words.
        turns: who speaks when, in order of their starts.
        formatting: how to write the formatted text; None leaves it out.
        names: of known speakers, by their numbers in the turns.
    """
    labelled = with_words(transcript, label_words(transcript.words, turns, names), None)
    labelled = replace(
        labelled,
        segments=_with_probabilities(labelled.segments, transcript.segments),
        speakers=speakers_of(labelled.segments),
        alternatives=labelled.alternatives
        and tuple(
            replace(other, words=label_words(other.words, turns, names))
            for other in labelled.alternatives
        ),
    )
    if formatting is None:
        return labelled
    written = with_formatting(labelled, formatting)
    return replace(
        written,
        segments=labelled.segments,
        formatted_segments=_with_probabilities(
            written.formatted_segments or (), transcript.segments
        ),
    )


def _with_probabilities(
    segments: Sequence[Segment], before: Sequence[Segment]
) -> tuple[Segment, ...]:
    """Returns segments with the language probabilities of those that they are parts of."""
    if not before:
        return tuple(segments)
    starts = [segment.start for segment in before]
    whole = [before[max(bisect_right(starts, part.start) - 1, 0)] for part in segments]
    return tuple(
        replace(part, language_probability=of.language_probability)
        for part, of in zip(segments, whole, strict=True)
    )


async def _timed(
    diarizer: Diarizer, recording: Recording, options: DiarizationOptions
) -> tuple[tuple[Turn, ...], Mapping[int, str], float]:
    """Returns the turns, the names in them, and how long it took; closes the recording."""
    started = time.perf_counter()
    with tracing.span("diarize"):
        turns = await diarizer.diarize(recording, options)
        names: Mapping[int, str] = {}
        if options.known:
            names = name_speakers(await diarizer.voices(recording, turns), options.known)
    recording.close()
    return turns, names, time.perf_counter() - started
