"""Audio of an utterance in, its words out: while it lasts, and once it is over.

The encoder runs in the shared engine, beside the files of everybody else; text is decoded in the
shared pool. While an utterance lasts, only its last seconds are encoded, again and again; once
it is over it is heard in one piece, as the same audio in a file would be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from app.audio import SAMPLE_RATE, Recording, Samples, Window
from app.decoding import DecodingOptions
from app.decoding.decoders import DEFAULT_LM
from app.engine import EncodeRequest, Engine
from app.pipeline import LoadedModel, Transcriber
from app.streaming.agreement import STABILITY, CompetingHypothesis, LocalAgreement, Stability
from app.streaming.reading import UtteranceRead, read_partial, read_utterance
from app.streaming.sliding import Margins, SlidingEmissions
from app.streaming.types import LiveOptions
from app.transcript import Word


@dataclass(frozen=True, slots=True)
class Tuning:
    """How the words of an utterance are found while it lasts; docs/streaming.md has figures."""

    margins: Margins = field(default_factory=Margins)
    stability: Sequence[Stability] = STABILITY


class StreamRecognizer:
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
        # A stream has turns of its own: files of the same key do not slow it down.
        self._caller = f"live {options.request_id}"
        self._decoding = options.decoding
        self._partial = _while_it_lasts(options.decoding, model)
        self._readable = transcriber.readable(options.readable)
        self._tuning = tuning
        self._frame_seconds = model.acoustic.hop / SAMPLE_RATE

    def begin(self) -> "UtteranceRecognizer":
        """A new utterance."""
        return UtteranceRecognizer(self, self._model, self._tuning)

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
            EncodeRequest(
                self._model.card.id,
                (window,),
                fetch,
                self._request_id,
                caller=self._caller,
                admission="always",
            )
        )
        return encoded.emissions

    async def read_partial(
        self, emissions: npt.NDArray[np.float32], seconds: float
    ) -> tuple[tuple[Word, ...], tuple[CompetingHypothesis, ...]]:
        """The words of an utterance as far as it was heard, and other readings of it."""
        return await self._transcriber.decoding.run(
            read_partial,
            self._model.decoders,
            emissions,
            self._partial,
            frame_seconds=self._frame_seconds,
            duration=seconds,
        )

    async def read_final(
        self, emissions: npt.NDArray[np.float32], seconds: float, stable: Sequence[Word]
    ) -> UtteranceRead:
        """What an utterance said, beginning with the words that were told as stable."""
        return await self._transcriber.decoding.run(
            read_utterance,
            self._model.decoders,
            emissions,
            self._decoding,
            stable=tuple(stable),
            frame_seconds=self._frame_seconds,
            duration=seconds,
            language=self.language,
            readable=self._readable,
        )

    async def encode_whole(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Emissions of an utterance that is over, as those of a file.

        Raises:
            NordlydError: as the engine says.
        """
        recording = Recording.from_samples(samples)
        encoded = await self._transcriber.encode(
            self._model, recording, self._request_id, caller=self._caller, admission="always"
        )
        if encoded is not None:
            return encoded.emissions
        return np.zeros((0, len(self._model.acoustic.vocabulary)), np.float32)


class UtteranceRecognizer:
    """What is known of one utterance; its clock starts with its first sample.

    Args:
        hearing: of the stream.
        model: the one that listens.
        tuning: of the words while they are being said.
    """

    def __init__(self, hearing: StreamRecognizer, model: LoadedModel, tuning: Tuning) -> None:
        acoustic = model.acoustic
        self._hearing = hearing
        self._sliding = SlidingEmissions(acoustic.hop, acoustic.receptive_field, tuning.margins)
        self._agreement = LocalAgreement(tuning.stability)
        # Emissions of all that was heard at once, and of how many samples: a short utterance need
        # not be encoded again when it turns out to be over.
        self._whole: tuple[int, npt.NDArray[np.float32]] = (-1, np.empty((0, 0), np.float32))

    @property
    def stable(self) -> tuple[Word, ...]:
        """The words that are not taken back."""
        return self._agreement.stable

    def needs(self, samples: int) -> Window | None:
        """What the next step encodes of an utterance of that many samples; None for nothing."""
        return self._sliding.plan(samples)

    async def step(self, window: Window, samples: Samples, heard: float) -> tuple[Word, ...]:
        """Listen as far as the end of a window.

        Args:
            window: as `needs` says.
            samples: float32, those of the window.
            heard: seconds of the utterance that have come, silence after the window included.

        Returns:
            All words so far; the first of them are `stable`.

        Raises:
            NordlydError: as the engine says.
        """
        kept = await self._hearing.encode_window(window, samples)
        emissions = self._sliding.add(window, kept)
        if window.start == 0:
            self._whole = window.stop, emissions
        seconds = window.stop / SAMPLE_RATE
        words, rivals = await self._hearing.read_partial(emissions, seconds)
        return self._agreement.update(words, heard, rivals)

    async def finish(self, samples: Samples) -> UtteranceRead:
        """Hear the whole utterance, float32 [samples].

        Raises:
            NordlydError: as the engine says.
        """
        heard, emissions = self._whole
        if heard != len(samples):
            emissions = await self._hearing.encode_whole(samples)
        return await self._hearing.read_final(emissions, len(samples) / SAMPLE_RATE, self.stable)


def _while_it_lasts(decoding: DecodingOptions, model: LoadedModel) -> DecodingOptions:
    """How to decode before an utterance is over: just so, the decoder named where `auto` chose."""
    has_model = DEFAULT_LM in model.decoders.language_models
    if decoding.decoder != "auto" or decoding.given_beam_options() or has_model:
        return decoding
    return replace(decoding, decoder="greedy")
