"""One vosk client's settings and stream: a reply for each of its messages."""

import asyncio
from collections import deque
from dataclasses import replace
from functools import partial

from app.errors import NordlydError, StreamIdleError, UnknownModelError
from app.protocols.serving import ProtocolContext
from app.protocols.vosk_messages import (
    VoskConfig,
    config_of_path,
    final,
    partial_result,
    read_text,
)
from app.streaming import (
    FinalResult,
    LiveEvent,
    LiveOptions,
    LiveWord,
    PartialResult,
    PcmInput,
    StreamConsumer,
)


class VoskSession:
    """One connection's settings, and its stream once audio arrived.

    Args:
        context: the service.
        request_id: for the logs.
        caller: who sends the audio.

    Attributes:
        config: of the next stream; whether words are listed takes effect at once.
    """

    def __init__(self, context: ProtocolContext, request_id: str, caller: str = "") -> None:
        self.config = VoskConfig()
        self._context = context
        self._request_id = request_id
        self._caller = caller
        self._consumer: StreamConsumer | None = None
        self._max_alternatives = 0
        self._partial = ""
        # Final results that were not sent yet.
        self._finals: deque[FinalResult] = deque()
        self._failure: NordlydError | None = None
        # Audio of earlier streams of this connection; times continue from there.
        self._earlier_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Audio accepted so far."""
        current = self._consumer.received_seconds if self._consumer else 0.0
        return self._earlier_seconds + current

    @property
    def ended(self) -> asyncio.Task[None] | None:
        """Done once the stream ended by itself; None without a stream."""
        return self._consumer.ended if self._consumer else None

    def configure(self, path: str) -> None:
        """Takes the settings from the path of the connection's address.

        Raises:
            NordlydError: they are wrong, or no loaded model fits them.
        """
        config = config_of_path(path)
        self._context.service.transcriber.route(config.model, config.language)
        self.config = config

    async def process_text(self, text: str) -> tuple[str | None, bool]:
        """Processes a text message; returns the reply, if there is one, and whether it is the last.

        Raises:
            NordlydError: the message is wrong, or its settings cannot be served.
        """
        message = read_text(text, self.config)
        if isinstance(message, VoskConfig):
            self.config = self._checked(message)
            return None, False
        return await self._end(), message == "eof"

    async def accept_waveform(self, data: bytes) -> str:
        """Accepts audio; returns the oldest unsent final result, or else the partial one.

        Raises:
            NordlydError: the stream is refused or failed, and every result before was sent.
        """
        consumer = self._consumer or await self._open()
        if not await consumer.accept_waveform(data):
            try:
                await consumer.wait()
            except StreamIdleError:
                # A muted microphone; vosk's own server has no such limit.
                await self.close()
                consumer = await self._open()
                await consumer.accept_waveform(data)
            except NordlydError:
                if not self._finals:
                    raise
        if self._finals:
            return self._final((self._finals.popleft(),))
        return partial_result(self._partial)

    async def drop_ended(self) -> str | None:
        """Drops a stream that ended by itself.

        Returns:
            Its last words, where an error follows them; after an idle stream they are the reply
            to the next message.

        Raises:
            NordlydError: why it ended, where it had no last words; not where it was only idle.
        """
        ended = self.ended
        if ended is not None and ended.done() and isinstance(ended.exception(), StreamIdleError):
            await self.close()
            return None
        return await self._end()

    def raise_failure(self) -> None:
        """Does nothing unless a stream failed after the results of the last reply.

        Raises:
            NordlydError: why.
        """
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Drops the stream, if there is one."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            self._earlier_seconds += consumer.received_seconds
            await consumer.close()

    async def _open(self) -> StreamConsumer:
        config = self.config
        pcm = PcmInput(rate=config.sample_rate)
        stream = await self._context.live.open(
            LiveOptions(
                request_id=self._request_id,
                caller=self._caller,
                model=config.model,
                language=config.language,
                decoding=config.decoding(),
            )
        )
        self._max_alternatives = config.max_alternatives
        self._partial = ""
        self._consumer = StreamConsumer(
            stream,
            pcm,
            partial(self._emit, self._earlier_seconds),
            max_seconds=self._context.message_seconds,
        )
        return self._consumer

    async def _emit(self, offset: float, event: LiveEvent) -> None:
        """Keeps an event for the next reply; its stream began `offset` seconds into the session."""
        match event:
            case PartialResult():
                self._partial = event.text
            case FinalResult():
                self._partial = ""
                if event.words:
                    self._finals.append(_shifted(event, offset))

    async def _end(self) -> str:
        """Ends the stream; returns every unsent result as one final result."""
        if self._consumer is None:
            self._max_alternatives = self.config.max_alternatives
        else:
            await self._consumer.finish()
            try:
                await self._consumer.wait()
            except StreamIdleError:
                pass
            except NordlydError as error:
                if not self._finals:
                    raise
                self._failure = error
            await self.close()
        finals = tuple(self._finals)
        self._finals.clear()
        return self._final(finals)

    def _final(self, results: tuple[FinalResult, ...]) -> str:
        return final(results, words=self.config.words, max_alternatives=self._max_alternatives)

    def _checked(self, config: VoskConfig) -> VoskConfig:
        route = self._context.service.transcriber.route
        try:
            route(config.model, config.language, config.decoding())
        except UnknownModelError as error:
            if error.param != "model":
                raise
            # The path of a model on another vosk-server.
            config = replace(config, model=self.config.model)
            route(config.model, config.language, config.decoding())
        return config


def _shifted(result: FinalResult, seconds: float) -> FinalResult:
    """Moves a result to the clock of the session."""

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
