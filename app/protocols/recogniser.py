"""One live stream, fed as vosk's own recogniser is: PCM in, final and partial results out."""

import asyncio
from collections import deque
from dataclasses import replace

from app.errors import StreamIdleError
from app.streaming import FinalResult, LiveStream, LiveWord, PartialResult, PcmInput, decoded


class Recogniser:
    """Reads a stream's events as they come.

    Args:
        stream: just opened.
        pcm: reads the client's samples.
        finals: where final results with words go.
        offset: what to add to their times, in seconds.
        most_seconds: of audio in one message.

    Attributes:
        partial: what is said in the utterance under way, as far as it was heard.
        ended: done once the stream ended, by itself or not; raises why.
    """

    def __init__(
        self,
        stream: LiveStream,
        pcm: PcmInput,
        finals: deque[FinalResult],
        offset: float,
        *,
        most_seconds: float,
    ) -> None:
        self.partial = ""
        self._stream = stream
        self._pcm = pcm
        self._finals = finals
        self._offset = offset
        self._most_seconds = most_seconds
        self.ended = asyncio.create_task(self._read(), name="vosk-events")

    @property
    def seconds(self) -> float:
        """Audio taken so far."""
        return self._stream.received_seconds

    @property
    def idle(self) -> bool:
        """The stream ended because no audio came for long."""
        return self.ended.done() and isinstance(self.ended.exception(), StreamIdleError)

    async def hear(self, data: bytes) -> None:
        """Take audio; waits only while the machine is behind.

        Raises:
            NordlydError: the stream ended by itself; `ended` is or will be done.
        """
        if self.ended.done():
            await self.ended
        async for samples in decoded(self._pcm, data, most_seconds=self._most_seconds):
            await self._stream.push(samples)

    async def finish(self) -> None:
        """Take no more audio, and wait for the last final result.

        Raises:
            NordlydError: the stream ended by itself; `ended` is or will be done.
        """
        if not self.ended.done():
            await self._stream.push(self._pcm.flush())
            await self._stream.finish()
        await self.ended

    async def close(self) -> None:
        """Drop the stream."""
        self.ended.cancel()
        await asyncio.gather(self.ended, return_exceptions=True)
        await self._stream.close()

    async def _read(self) -> None:
        async for event in self._stream.events():
            match event:
                case PartialResult():
                    self.partial = event.text
                case FinalResult():
                    self.partial = ""
                    if event.words:
                        self._finals.append(_shifted(event, self._offset))


def _shifted(result: FinalResult, seconds: float) -> FinalResult:
    """A result of a stream that began so long after the first one."""

    def later(words: tuple[LiveWord, ...]) -> tuple[LiveWord, ...]:
        return tuple(
            replace(word, start=word.start + seconds, end=word.end + seconds) for word in words
        )

    return replace(
        result,
        start=result.start + seconds,
        end=result.end + seconds,
        words=later(result.words),
        alternatives=tuple(
            (text, score, later(words)) for text, score, words in result.alternatives
        ),
    )
