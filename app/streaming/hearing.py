"""Audio of an utterance in, its words out: while it lasts, and once it is over.

The encoder runs in the shared engine, beside the files of everybody else; text is decoded in the
shared pool. While an utterance lasts, only its last seconds are encoded, again and again; once
it is over it is heard in one piece, as the same audio in a file would be.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from app.audio import SAMPLE_RATE, Recording, Samples, Window
from app.decoding import DecodingRequest
from app.engine import EncodeRequest, Engine
from app.errors import OverloadedError
from app.pipeline import LoadedModel, Transcriber
from app.streaming.agreement import LocalAgreement, Stability
from app.streaming.reading import UtteranceRead, read_partial, read_utterance
from app.streaming.sliding import Margins, SlidingEmissions
from app.streaming.types import LiveOptions
from app.transcript import Word

# A queue that is full now has room again soon; the audio waits meanwhile.
_FULL_SECONDS = 1.0
_FULL_TRIES = 30


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the words of an utterance are found while it lasts; docs/streaming.md has figures."""

    margins: Margins = field(default_factory=Margins)
    stability: Stability = field(default_factory=Stability)


class Hearing:
    """One stream's use of one model.

    Args:
        transcriber: holds the models and the decoding pool.
        engine: runs the encoders.
        model: the one that listens.
        language: of the text.
        options: how the stream wants to be transcribed.
        tuning: of the words while they are being said.
    """

    def __init__(
        self,
        transcriber: Transcriber,
        engine: Engine,
        model: LoadedModel,
        *,
        language: str,
        options: LiveOptions,
        tuning: Tuning,
    ) -> None:
        self.model_id = model.card.id
        self.language = language
        self._transcriber = transcriber
        self._engine = engine
        self._model = model
        self._request_id = options.request_id
        self._decoding = options.decoding
        self._partial = _while_it_lasts(options.decoding, model)
        self._readable = transcriber.readable(options.readable)
        self._tuning = tuning
        self._frame_seconds = model.acoustic.hop / SAMPLE_RATE

    def begin(self) -> "UtteranceHearing":
        """A new utterance."""
        return UtteranceHearing(self, self._model, self._tuning)

    async def encode_window(self, window: Window, samples: Samples) -> npt.NDArray[np.float32]:
        """Emissions of one window of a lasting utterance; `samples` are those of the window.

        Raises:
            NordlydError: as the engine says.
        """
        acoustic = self._model.acoustic

        def fetch(_: Window) -> Samples:
            recording = Recording.from_samples(samples)
            return recording.slice(0, len(samples), normalise=acoustic.do_normalize)

        encoded = await self._engine.encode(
            EncodeRequest(self._model.card.id, (window,), fetch, self._request_id)
        )
        return encoded.emissions

    async def read_partial(
        self, emissions: npt.NDArray[np.float32], seconds: float
    ) -> tuple[Word, ...]:
        """The words of an utterance as far as it was heard."""
        return await self._transcriber.decoding.run(
            read_partial,
            self._model.decoders,
            emissions,
            self._partial,
            frame_seconds=self._frame_seconds,
            duration=seconds,
        )

    async def read_final(self, samples: Samples, stable: Sequence[Word]) -> UtteranceRead:
        """What an utterance said, beginning with the words that were told as stable.

        Raises:
            NordlydError: as the engine says.
        """
        recording = Recording.from_samples(samples)
        emissions = await self._encode_all(recording)
        return await self._transcriber.decoding.run(
            read_utterance,
            self._model.decoders,
            emissions,
            self._decoding,
            stable=tuple(stable),
            frame_seconds=self._frame_seconds,
            duration=recording.duration,
            language=self.language,
            readable=self._readable,
        )

    async def _encode_all(self, recording: Recording) -> npt.NDArray[np.float32]:
        for attempt in range(_FULL_TRIES):
            try:
                encoded = await self._transcriber.encode(self._model, recording, self._request_id)
            except OverloadedError:
                if attempt + 1 == _FULL_TRIES:
                    raise
                await asyncio.sleep(_FULL_SECONDS)
            else:
                if encoded is not None:
                    return encoded.emissions
                break
        return np.zeros((0, len(self._model.acoustic.vocabulary)), np.float32)


class UtteranceHearing:
    """What is known of one utterance; its clock starts with its first sample.

    Args:
        hearing: of the stream.
        model: the one that listens.
        tuning: of the words while they are being said.
    """

    def __init__(self, hearing: Hearing, model: LoadedModel, tuning: Tuning) -> None:
        acoustic = model.acoustic
        self._hearing = hearing
        self._sliding = SlidingEmissions(acoustic.hop, acoustic.receptive_field, tuning.margins)
        self._agreement = LocalAgreement(tuning.stability)

    @property
    def stable(self) -> tuple[Word, ...]:
        """The words that are not taken back."""
        return self._agreement.stable

    def needs(self, samples: int) -> Window | None:
        """What the next step encodes of an utterance of that many samples; None for nothing."""
        return self._sliding.plan(samples)

    async def step(self, window: Window, samples: Samples) -> tuple[Word, ...]:
        """Listen as far as the end of a window.

        Args:
            window: as `needs` says.
            samples: float32, those of the window.

        Returns:
            All words so far; the first of them are `stable`.

        Raises:
            NordlydError: as the engine says.
        """
        kept = await self._hearing.encode_window(window, samples)
        emissions = self._sliding.add(window, kept)
        seconds = window.stop / SAMPLE_RATE
        words = await self._hearing.read_partial(emissions, seconds)
        return self._agreement.update(words, seconds)

    async def finish(self, samples: Samples) -> UtteranceRead:
        """Hear the whole utterance, float32 [samples].

        Raises:
            NordlydError: as the engine says.
        """
        return await self._hearing.read_final(samples, self.stable)


def _while_it_lasts(decoding: DecodingRequest, model: LoadedModel) -> DecodingRequest:
    """How to decode before an utterance is over: as it was asked for, but by a narrow beam."""
    asked = decoding.beam_options()
    beam = decoding.decoder != "auto" or bool(asked) or bool(model.decoders.language_models)
    if decoding.decoder == "greedy" or not beam:
        return decoding
    return replace(
        decoding,
        decoder="greedy+lm",
        beam_width=None,
        prune_logp=None,
        min_token_logp=None,
        n_best=1,
    )
