"""A recording's windows in as they are encoded, its text out before the last one is.

Every piece is decoded as the whole would be, in the decoding pool, one after the other.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from app.decoding import DecodingOptions, DecodingPool, Hypothesis, ModelDecoders, segment_words
from app.decoding.types import Emissions
from app.itn import FormattingOptions
from app.pipeline.incremental.growing import GrowingText, TextListener
from app.pipeline.incremental.pieces import Piece, PieceCutter
from app.pipeline.text import TextRead
from app.transcript import Formatted, Word
from app.vocabulary import Vocabulary

# A word may begin so much before the first frame it is heard in.
_LEAD_SECONDS = 0.1


class IncrementalDecoder:
    """Reads one recording while it is being encoded.

    Args:
        pool: where text is decoded.
        decoding: how.
        readable: how to make it readable; None leaves it word for word.
        on_text: told on the event loop what more is known of the text.
        deadline: instant of `time.monotonic` after which no answer is wanted.
    """

    def __init__(
        self,
        pool: DecodingPool,
        decoding: DecodingOptions,
        readable: FormattingOptions | None,
        on_text: TextListener,
        *,
        deadline: float | None = None,
    ) -> None:
        self._pool = pool
        self._decoding = replace(decoding, n_best=1)
        self._readable = readable
        self._on_text = on_text
        self._deadline = deadline
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._task: asyncio.Task[TextRead] | None = None
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
        """Begin with a recording.

        Args:
            decoders: of the model that encodes it.
            vocabulary: of that model.
            language: of the text.
            frame_seconds: length of one frame in seconds.
            duration: length of the recording in seconds; no word ends after it.

        Returns:
            What the engine calls with the index and the kept emissions of every window.
        """
        cutter = self._cutter = PieceCutter(vocabulary, frame_seconds)
        text = GrowingText(language, self._readable, self._on_text)
        self._task = asyncio.create_task(
            self._read(decoders, text, frame_seconds=frame_seconds, duration=duration)
        )

        def add(index: int, emissions: Emissions) -> None:  # noqa: ARG001
            if (piece := cutter.add(emissions)) is not None:
                self._pieces.put_nowait(piece)

        return add

    async def finish(self) -> TextRead:
        """What was read, once every window was added.

        Raises:
            InvalidRequestError: the model cannot be decoded so.
        """
        assert self._cutter is not None
        assert self._task is not None
        self._pieces.put_nowait(self._cutter.close())
        self._pieces.put_nowait(None)
        return await self._task

    def close(self) -> None:
        """Read no more; safe at any time."""
        if self._task is not None:
            self._task.cancel()

    async def _read(
        self, decoders: ModelDecoders, text: GrowingText, *, frame_seconds: float, duration: float
    ) -> TextRead:
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
                _moved(word, origin, not_before=ended)
                for word in best.words
                if _belongs(word, piece, origin, frame_seconds)
            ]
            ended = words[-1].end if words else ended
            text.add(words, quiet_until=piece.quiet_until * frame_seconds - _LEAD_SECONDS)
        assert best is not None
        text.finish()
        return _result(text, best, formatted=self._readable is not None)


def _belongs(word: Word, piece: Piece, origin: float, frame_seconds: float) -> bool:
    """Whether a word, on the clock of the piece's first frame, is of the piece and no context."""
    middle = origin + (word.start + word.end) / 2
    after_start = piece.start == piece.first or middle >= piece.start * frame_seconds
    before_stop = piece.stop == piece.first + len(piece.emissions) or (
        middle < piece.stop * frame_seconds
    )
    return after_start and before_stop


def _moved(word: Word, origin: float, *, not_before: float) -> Word:
    start = max(not_before, word.start + origin)
    return replace(word, start=start, end=max(start, word.end + origin))


def _result(text: GrowingText, best: Hypothesis, *, formatted: bool) -> TextRead:
    written = text.written
    return TextRead(
        text=" ".join(word.text for word in text.spoken),
        segments=segment_words(text.spoken),
        decoder=best.decoder,
        language_model=best.language_model,
        alternatives=(),
        formatted=Formatted(" ".join(word.text for word in written), segment_words(written))
        if formatted
        else None,
    )
