"""One vosk client's messages in, the replies to them out."""

import asyncio
from collections import deque
from dataclasses import replace

from app.errors import NordlydError, StreamIdleError, UnknownModelError
from app.protocols.recogniser import Recogniser
from app.protocols.serving import ProtocolContext
from app.protocols.vosk_messages import (
    VoskConfig,
    config_of_path,
    final,
    partial_result,
    read_text,
)
from app.streaming import FinalResult, LiveOptions, PcmInput


class VoskSession:
    """One connection's settings, and its stream once audio came.

    Args:
        context: what serves it.
        request_id: for the logs.

    Attributes:
        config: for the next stream; whether words are listed holds at once.
    """

    def __init__(self, context: ProtocolContext, request_id: str) -> None:
        self.config = VoskConfig()
        self._context = context
        self._request_id = request_id
        self._recogniser: Recogniser | None = None
        self._max_alternatives = 0
        # Not told yet.
        self._finals: deque[FinalResult] = deque()
        self._failure: NordlydError | None = None
        # Audio of streams that ended; times go on from there.
        self._before = 0.0

    @property
    def seconds(self) -> float:
        """Audio heard so far."""
        return self._before + (self._recogniser.seconds if self._recogniser else 0.0)

    @property
    def ended(self) -> asyncio.Task[None] | None:
        """Done once the stream ended by itself; None where there is no stream."""
        return self._recogniser.ended if self._recogniser else None

    def choose(self, path: str) -> None:
        """Take what the address says.

        Raises:
            NordlydError: it is not understood, or no loaded model is meant.
        """
        config = config_of_path(path)
        self._context.service.transcriber.route(config.model, config.language)
        self.config = config

    async def read(self, text: str) -> tuple[str | None, bool]:
        """Take a text message: the reply to it, if it gets one, and whether it is the last.

        Raises:
            NordlydError: it is not understood, or what it asks for is not served.
        """
        told = read_text(text, self.config)
        if isinstance(told, VoskConfig):
            self.config = self._checked(told)
            return None, False
        return await self._end(), told == "eof"

    async def hear(self, data: bytes) -> str:
        """Take audio and reply with the oldest final result not yet told, or the partial one.

        Raises:
            NordlydError: the stream is refused or failed, and all it heard before was told.
        """
        recogniser = self._recogniser or await self._open()
        try:
            await recogniser.hear(data)
        except StreamIdleError:
            await asyncio.wait({recogniser.ended})
            # A muted microphone; vosk's own server has all the time in the world.
            await self.close()
            recogniser = await self._open()
            await recogniser.hear(data)
        except NordlydError:
            await asyncio.wait({recogniser.ended})
            if not self._finals:
                raise
        if self._finals:
            return self._final((self._finals.popleft(),))
        return partial_result(recogniser.partial)

    async def lapse(self) -> str | None:
        """Let go of a stream that ended by itself.

        Returns:
            Its last words, where nobody will ask for them any more.

        Raises:
            NordlydError: why it ended; not where it only heard nothing for long.
        """
        if self._recogniser is not None and self._recogniser.idle:
            await self.close()
            return None
        return await self._end()

    def check(self) -> None:
        """Do nothing unless the last reply was not all that was said.

        Raises:
            NordlydError: why.
        """
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Drop the stream, if there is one."""
        recogniser, self._recogniser = self._recogniser, None
        if recogniser is not None:
            self._before += recogniser.seconds
            await recogniser.close()

    async def _open(self) -> Recogniser:
        config = self.config
        pcm = PcmInput(rate=config.sample_rate)
        stream = await self._context.live.open(
            LiveOptions(
                request_id=self._request_id,
                model=config.model,
                language=config.language,
                decoding=config.decoding(),
            )
        )
        self._max_alternatives = config.max_alternatives
        self._recogniser = Recogniser(
            stream,
            pcm,
            self._finals,
            self._before,
            most_seconds=self._context.message_seconds,
        )
        return self._recogniser

    async def _end(self) -> str:
        """Everything not yet told, as one final result."""
        if self._recogniser is None:
            self._max_alternatives = self.config.max_alternatives
        else:
            try:
                await self._recogniser.finish()
            except NordlydError as error:
                await asyncio.wait({self._recogniser.ended})
                if not isinstance(error, StreamIdleError):
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
            # The path of a model on somebody's vosk-server.
            config = replace(config, model=self.config.model)
            route(config.model, config.language, config.decoding())
        return config
