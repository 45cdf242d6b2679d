"""Recognises recordings whose language their speech decides.

The model of each language scores the speech, and the one of the likeliest language transcribes it.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from app import tracing
from app.audio import Recording, Span
from app.contract.answers import Transcript
from app.contract.languages import DetectedLanguage
from app.deadlines import run_until_deadline
from app.decoding import SpeechScore
from app.pipeline.detection.joining import in_language, mean_languages, with_languages
from app.pipeline.detection.mixed import MixedTranscription, with_route
from app.pipeline.detection.pieces import Piece, first_speech, language_runs, speech_pieces
from app.pipeline.detection.probabilities import Probabilities, language_probabilities, smoothed
from app.pipeline.groups import EmissionStore
from app.pipeline.incremental import TextListener
from app.pipeline.passes import progress_of_pass
from app.pipeline.recognition import Recognition
from app.pipeline.requests import DecodedRequest, Detection, Progress, Route

FindSpeech = Callable[[Recording], Iterator[Sequence[Span]]]
"""Yields the utterances of a recording, in order, some at a time; each step blocks."""

FIRST_SECONDS = 30.0
"""So much speech decides the language of a recording."""

_DOING = "its language was being detected"
# Pieces that one model scores at once: enough for a full batch.
_PIECES_AT_ONCE = 8


class DetectingRecognition:
    """A `Recognition` that chooses the route of requests which leave it to their speech.

    All others pass through it.

    Args:
        recognition: scores and recognises with the model of a route.
        find_speech: finds utterances.
    """

    def __init__(self, recognition: Recognition, find_speech: FindSpeech) -> None:
        self._recognition = recognition
        self._find_speech = find_speech
        self.align = recognition.align
        self.score_speech = recognition.score_speech
        self.close = recognition.close

    async def transcribe(
        self,
        request: DecodedRequest,
        *,
        progress: Progress | None = None,
        on_text: TextListener | None = None,
        kept: EmissionStore | None = None,
    ) -> Transcript:
        """Transcribes one recording; see `Recognition`.

        `on_text` is without effect where utterances are in several languages.
        """
        detection = request.route.detection
        if detection is None:
            return await self._recognition.transcribe(
                request, progress=progress, on_text=on_text, kept=kept
            )
        started = time.perf_counter()
        with tracing.span("detect language") as span:
            pieces = await self._pieces(request, detection)
            found = await self._score(request, detection, pieces, progress)
            span.set("nordlyd.pieces", len(pieces))
        seconds = time.perf_counter() - started
        parts = [
            (piece.seconds, _languages(detection, probabilities))
            for piece, probabilities in zip(pieces, found, strict=True)
        ]
        languages = mean_languages(parts) if parts else _languages(detection, _unknown(detection))
        chosen = [int(probabilities.argmax()) for probabilities in found]
        if detection.each and pieces and progress is not None:
            progress = progress_of_pass(progress, *_last_pass(detection))
        if len(set(chosen)) > 1:
            runs = language_runs(pieces, chosen, request.recording.samples)
            mixed = MixedTranscription(self._recognition, request, detection, progress, kept)
            transcript = await mixed.transcribe(runs, [item for _, item in parts], languages)
        else:
            transcript = await self._recognition.transcribe(
                with_route(request, _candidate(detection, languages[0])),
                progress=progress,
                on_text=on_text,
                kept=kept,
            )
            if detection.each:
                transcript = in_language(transcript, languages[0])
        return replace(
            with_languages(transcript, languages),
            timing=replace(transcript.timing, detect_language=seconds),
        )

    async def _pieces(self, request: DecodedRequest, detection: Detection) -> list[Piece]:
        """Returns the speech that decides: the first of the recording, or all utterances."""
        if len(detection.candidates) == 1 or request.recording.is_silent:
            return []
        spans: list[Span] = []
        steps = self._find_speech(request.recording)
        while True:
            step = asyncio.to_thread(_next, steps)
            found = await run_until_deadline(request.deadline, step, _DOING)
            if found is None:
                break
            spans += found
            if not detection.each and sum(span.seconds for span in spans) >= FIRST_SECONDS:
                break
        if detection.each:
            return speech_pieces(spans)
        first = first_speech(spans, FIRST_SECONDS)
        return [Piece(first)] if first else []

    async def _score(
        self,
        request: DecodedRequest,
        detection: Detection,
        pieces: Sequence[Piece],
        progress: Progress | None,
    ) -> list[Probabilities]:
        """Returns the probabilities of the candidates in each piece."""
        _, passes = _last_pass(detection)
        scores: list[list[SpeechScore]] = []
        # One model after the other: they may take turns in the memory.
        for number, route in enumerate(detection.candidates):
            own = None
            if detection.each and progress is not None:
                own = progress_of_pass(progress, number, passes)
            scores.append(await self._score_all(replace(request, route=route), pieces, own))
        found = [
            language_probabilities([scored[index] for scored in scores], piece.seconds)
            for index, piece in enumerate(pieces)
        ]
        return smoothed(found)

    async def _score_all(
        self, request: DecodedRequest, pieces: Sequence[Piece], progress: Progress | None
    ) -> list[SpeechScore]:
        """Returns the scores of all pieces by one model."""
        slots = asyncio.Semaphore(_PIECES_AT_ONCE)
        scored = 0

        async def score(piece: Piece) -> SpeechScore:
            nonlocal scored
            async with slots:
                # What is a part of an accepted request is not refused any more.
                found = await self._recognition.score_speech(
                    replace(
                        request,
                        recording=request.recording.excerpt(piece.spans),
                        wait_for_room=True,
                        work=None,
                    )
                )
            scored += 1
            if progress is not None:
                progress(scored, len(pieces))
            return found

        tasks = [asyncio.create_task(score(piece)) for piece in pieces]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _next(steps: Iterator[Sequence[Span]]) -> Sequence[Span] | None:
    return next(steps, None)


def _last_pass(detection: Detection) -> tuple[int, int]:
    """Returns the number of the pass that transcribes each utterance, and of all passes."""
    models = len(detection.candidates)
    return models, models + 1


def _languages(detection: Detection, probabilities: Probabilities) -> tuple[DetectedLanguage, ...]:
    """Returns the languages of the candidates, the likeliest first."""
    found = [
        DetectedLanguage(route.language, route.card.id, probability)
        for route, probability in zip(detection.candidates, probabilities.tolist(), strict=True)
    ]
    return tuple(sorted(found, key=lambda item: -item.probability))


def _candidate(detection: Detection, language: DetectedLanguage) -> Route:
    return next(route for route in detection.candidates if route.language == language.language)


def _unknown(detection: Detection) -> Probabilities:
    """Returns the probabilities where there is no speech, or no choice."""
    count = len(detection.candidates)
    return np.full(count, 1 / count)
