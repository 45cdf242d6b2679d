"""Decodes the encoded windows of a recording before its last window is encoded.

Pieces are decoded in the decoding pool, one after the other, as the whole recording would be.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from app.contract.answers import Transcript, Word
from app.decoding import DecodingPool, Hypothesis, ModelDecoders
from app.decoding.types import Emissions
from app.pipeline.incremental.growing import GrowingText, TextListener
from app.pipeline.incremental.pieces import Piece, PieceCutter
from app.pipeline.requests import Route
from app.pipeline.text import with_words
from app.redaction import GrowingMask
from app.vocabulary import Vocabulary

# A word may begin this much before its first frame.
_LEAD_SECONDS = 0.1


class IncrementalDecoder:
    """Decodes one recording while it is being encoded.

    Args:
        pool: where text is decoded.
        route: options of the request; `n_best` has no effect.
        on_text: called on the event loop with each further part of the text.
        deadline: instant of `time.monotonic` after which the answer is of no use.
    """

    def __init__(
        self,
        pool: DecodingPool,
        route: Route,
        on_text: TextListener,
        *,
        deadline: float | None = None,
    ) -> None:
        self._pool = pool
        self._decoding = replace(route.decoding, n_best=1)
        self._formatting = route.formatting
        self._redaction = route.redaction
        self._mask: GrowingMask | None = None
        self._on_text = on_text
        self._deadline = deadline
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._task: asyncio.Task[tuple[GrowingText, Hypothesis]] | None = None
        self._cutter: PieceCutter | None = None

    def start(
        self,
        decoders: ModelDecoders,
        vocabulary: Vocabulary,
        language: str,
        *,
        frame_seconds: float,
        duration: float,
    ) -> Callable[[int, Emissions], None]:
        """Begins with a recording.

        Args:
            decoders: of the model that encodes it.
            vocabulary: of that model.
            language: of the text.
            frame_seconds: length of one frame in seconds.
            duration: length of the recording in seconds; no word ends after it.

        Returns:
            The callback for the index and the kept emissions of every window, in order.
        """
        cutter = self._cutter = PieceCutter(vocabulary, frame_seconds)
        if self._redaction is not None:
            self._mask = GrowingMask(language, self._redaction)
        text = GrowingText(language, self._formatting, self._on_text, mask=self._mask)
        self._task = asyncio.create_task(
            self._decode(decoders, text, frame_seconds=frame_seconds, duration=duration)
        )

        def add(index: int, emissions: Emissions) -> None:  # noqa: ARG001
            if (piece := cutter.add(emissions)) is not None:
                self._pieces.put_nowait(piece)

        return add

    async def finish(self, blank: Transcript) -> Transcript:
        """Returns a transcript with the text of all windows, once every one was added.

        Args:
            blank: the same transcript without its text.

        Raises:
            InvalidRequestError: the model cannot be decoded so.
        """
        assert self._cutter is not None
        assert self._task is not None
        self._pieces.put_nowait(self._cutter.close())
        self._pieces.put_nowait(None)
        text, last = await self._task
        formatted_words = None if self._formatting is None else text.written
        transcript = with_words(blank, text.spoken, formatted_words)
        redactions = None if self._mask is None else self._mask.redactions
        return replace(
            transcript, decoder=last.decoder, lm=last.language_model, redactions=redactions
        )

    def close(self) -> None:
        """Stops decoding; safe at any time."""
        if self._task is not None:
            self._task.cancel()

    async def _decode(
        self, decoders: ModelDecoders, text: GrowingText, *, frame_seconds: float, duration: float
    ) -> tuple[GrowingText, Hypothesis]:
        """Returns the whole text, and the hypothesis of the last piece."""
        best: Hypothesis | None = None
        ended = 0.0
        while (piece := await self._pieces.get()) is not None:
            origin = piece.first * frame_seconds
            [best] = await self._pool.run_before(
                self._deadline,
                decoders.decode,
                piece.emissions,
                self._decoding,
                frame_seconds=frame_seconds,
                duration=max(0.0, duration - origin),
            )
            words = [
                _moved(word, origin, not_before=ended, duration=duration)
                for word in best.words
                if _belongs(word, piece, origin, frame_seconds)
            ]
            ended = words[-1].end if words else ended
            text.add(words, quiet_until=piece.quiet_until * frame_seconds - _LEAD_SECONDS)
        assert best is not None
        text.finish()
        return text, best


def _belongs(word: Word, piece: Piece, origin: float, frame_seconds: float) -> bool:
    """Whether the middle of a word lies in the piece itself; its times count from `origin`."""
    middle = origin + (word.start + word.end) / 2
    after_start = piece.start == piece.first or middle >= piece.start * frame_seconds
    before_stop = piece.stop == piece.first + len(piece.emissions) or (
        middle < piece.stop * frame_seconds
    )
    return after_start and before_stop


def _moved(word: Word, origin: float, *, not_before: float, duration: float) -> Word:
    start = min(max(not_before, word.start + origin), duration)
    return replace(word, start=start, end=min(max(start, word.end + origin), duration))
