"""Transcribes a recording in several languages, a part after the other, each with its model."""

from collections.abc import Sequence
from dataclasses import replace

from app.audio import SAMPLE_RATE
from app.contract.answers import Transcript
from app.contract.languages import DetectedLanguage
from app.pipeline.detection.joining import in_language, join_parts
from app.pipeline.detection.pieces import Run
from app.pipeline.groups import EmissionsOfPart, EmissionStore
from app.pipeline.recognition import Recognition
from app.pipeline.requests import DecodedRequest, Detection, Progress, Route


class MixedTranscription:
    """The transcription of one recording.

    Args:
        recognition: recognises each part.
        request: the recording.
        detection: the routes.
        progress: of the whole.
        kept: keeps the emissions of the whole.
    """

    def __init__(
        self,
        recognition: Recognition,
        request: DecodedRequest,
        detection: Detection,
        progress: Progress | None,
        kept: EmissionStore | None,
    ) -> None:
        self._recognition = recognition
        self._request = request
        self._detection = detection
        self._progress = progress
        self._kept = kept

    async def transcribe(
        self,
        runs: Sequence[Run],
        pieces: Sequence[Sequence[DetectedLanguage]],
        languages: Sequence[DetectedLanguage],
    ) -> Transcript:
        """Returns the joined transcript.

        Args:
            runs: the parts.
            pieces: the probabilities of the languages in each piece.
            languages: those of the whole; the likeliest first.
        """
        parts: list[tuple[float, Transcript]] = []
        for run in runs:
            language = self._detection.candidates[run.language].language
            probabilities = [
                item.probability
                for piece in pieces[run.first : run.last + 1]
                for item in piece
                if item.language == language
            ]
            detected = DetectedLanguage(
                language,
                self._detection.candidates[run.language].card.id,
                sum(probabilities) / len(probabilities),
            )
            transcript = in_language(await self._transcribe(run), detected)
            parts.append((run.span.start / SAMPLE_RATE, transcript))
        recording = self._request.recording
        joined = join_parts(parts, recording.duration)
        recording.close()
        main = next((item for _, item in parts if item.model == languages[0].model), parts[0][1])
        return replace(joined, decoder=main.decoder, lm=main.lm)

    async def _transcribe(self, run: Run) -> Transcript:
        """Returns the transcript of a part, with times from its own beginning."""
        request, span = self._request, run.span
        duration = request.recording.duration
        progress, kept = self._progress, self._kept

        def encoded(done: int, windows: int) -> None:
            assert progress is not None
            progress(
                windows * span.start + done * span.samples, windows * request.recording.samples
            )

        transcript = await self._recognition.transcribe(
            replace(
                with_route(request, self._detection.candidates[run.language]),
                recording=request.recording.excerpt([span]),
                wait_for_room=True,
                work=None,
            ),
            progress=None if progress is None else encoded,
            kept=None if kept is None else EmissionsOfPart(kept, f"from{span.start}", duration),
        )
        if request.work is not None:
            request.work.encoded(duration - span.stop / SAMPLE_RATE)
        return transcript


def with_route(request: DecodedRequest, route: Route) -> DecodedRequest:
    """Returns a request with the route that was chosen for it."""
    # Callers may have left out the formatted text since the request was routed.
    return replace(request, route=replace(route, formatting=request.route.formatting))
