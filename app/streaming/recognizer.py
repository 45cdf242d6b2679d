"""Transcribes the utterances of a stream: while they grow, and once they are over.

The encoder runs in the engine that files use too, and decoding in the same pool. While an utterance
grows, only its last seconds are encoded, repeatedly; once it is over it is encoded in one
piece, like the same audio in a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from app.audio import SAMPLE_RATE, Recording, Samples, Window
from app.audio.frames import FrameGrid
from app.contract.answers import Word
from app.decoding import DecodingOptions
from app.decoding.language_models import DEFAULT_LM
from app.engine import EncodeRequest
from app.streaming.hypotheses import (
    STABILITY,
    CompetingHypothesis,
    LocalAgreement,
    Stability,
    UtteranceResult,
    decode_final,
    decode_partial,
)
from app.streaming.types import LiveOptions

if TYPE_CHECKING:
    from app.pipeline import LoadedModel, LocalRecognition, Route


@dataclass(frozen=True, slots=True)
class Margins:
    """The window that an update encodes, in seconds.

    Attributes:
        window: length of the encoded window, at least.
        before: context at its beginning, whose frames are dropped.
        after: frames this close to the end of the audio are encoded again by the next update.
    """

    window: float = 4.0
    before: float = 1.0
    after: float = 0.8


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a growing utterance is transcribed; docs/streaming.md has measurements."""

    margins: Margins = field(default_factory=Margins)
    stability: Sequence[Stability] = STABILITY


class SlidingEmissions:
    """The emissions of one utterance while it grows.

    The encoder uses context on both sides. So the newest frames are provisional until more audio
    follows them, and each update encodes them again, after context whose frames are dropped.

    Args:
        hop: samples from one frame to the next.
        receptive_field: samples that one frame depends on.
        margins: the window that an update encodes.
    """

    def __init__(self, hop: int, receptive_field: int, margins: Margins) -> None:
        self._hop = hop
        self._grid = FrameGrid(hop, receptive_field)
        self._window, self._before, self._after = (
            round(seconds * SAMPLE_RATE / hop)
            for seconds in (margins.window, margins.before, margins.after)
        )
        self.values: npt.NDArray[np.float32] | None = None
        """float32 [frames, vocabulary]; None before the first update."""

    def frames(self, samples: int) -> int:
        """Returns how many frames that many samples give."""
        return self._grid.frames(samples)

    def plan(self, samples: int) -> Window | None:
        """Returns the window to encode once the utterance has that many samples, if any."""
        frames = self.frames(samples)
        if frames == 0:
            return None
        known = 0 if self.values is None else len(self.values)
        first = min(frames - self._window, known - self._after - self._before)
        first = max(0, first)
        return Window(
            start=first * self._hop,
            stop=samples,
            keep_from=self._before if first else 0,
            keep_to=frames - first,
        )

    def add(self, window: Window, kept: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Adds the kept emissions of a planned window.

        Returns:
            float32 [frames, vocabulary] of the whole utterance.
        """
        start = window.start // self._hop + window.keep_from
        known = kept if self.values is None else np.concatenate((self.values[:start], kept))
        self.values = known
        return known


class StreamRecognizer:
    """Encodes and decodes for one stream, with one model.

    Args:
        recognition: its engine runs the encoder, and it has the decoding pool.
        model: the model that transcribes.
        route: the options that serve the stream.
        options: how the stream is transcribed.
        tuning: of growing utterances.
    """

    def __init__(
        self,
        recognition: "LocalRecognition",
        model: "LoadedModel",
        *,
        route: "Route",
        options: LiveOptions,
        tuning: Tuning,
    ) -> None:
        self.model_id = model.card.id
        self.language = route.language
        self.route = route
        self._recognition = recognition
        self._model = model
        self._request_id = options.request_id
        # All streams of a caller share its live turns; its files have turns of their own.
        self._caller = f"live {options.caller or options.request_id}"
        self._decoding = route.decoding
        self._partial = _partial_decoding(route.decoding, model)
        # What is masked is masked before it is formatted.
        self._formatting = route.formatting if route.redaction is None else None
        self._tuning = tuning
        self._frame_seconds = model.acoustic.hop / SAMPLE_RATE

    def begin_utterance(self) -> "UtteranceRecognizer":
        """Returns what transcribes a new utterance."""
        return UtteranceRecognizer(self, self._model, self._tuning)

    async def encode_window(self, window: Window, samples: Samples) -> npt.NDArray[np.float32]:
        """Returns the emissions of one window of a growing utterance.

        Args:
            window: within the utterance.
            samples: float32, those of the window.

        Raises:
            NordlydError: from the engine.
        """
        acoustic = self._model.acoustic

        def fetch(_: Window) -> Samples:
            recording = Recording.from_samples(samples)
            return recording.slice(0, len(samples), normalise=acoustic.do_normalize)

        encoded = await self._recognition.engine.encode(
            EncodeRequest(
                self._model.encoder_name,
                (window,),
                fetch,
                self._request_id,
                caller=self._caller,
                admission="always",
            )
        )
        return encoded.emissions

    async def encode_utterance(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Returns the emissions of a whole utterance, like those of a file.

        Raises:
            NordlydError: from the engine.
        """
        recording = Recording.from_samples(samples)
        encoded = await self._recognition.encode(
            self._model, recording, self._request_id, caller=self._caller, admission="always"
        )
        if encoded is not None:
            return encoded.emissions
        return np.zeros((0, len(self._model.acoustic.vocabulary)), np.float32)

    async def decode_partial(
        self, emissions: npt.NDArray[np.float32], seconds: float
    ) -> tuple[tuple[Word, ...], tuple[CompetingHypothesis, ...]]:
        """Returns the words of a growing utterance, and competing hypotheses."""
        return await self._recognition.decoding.run(
            decode_partial,
            self._model.decoders,
            emissions,
            self._partial,
            frame_seconds=self._frame_seconds,
            duration=seconds,
        )

    async def decode_final(
        self, emissions: npt.NDArray[np.float32], seconds: float, stable: Sequence[Word]
    ) -> UtteranceResult:
        """Returns the result of an utterance that is over, which begins with its stable words."""
        return await self._recognition.decoding.run(
            decode_final,
            self._model.decoders,
            emissions,
            self._decoding,
            stable=tuple(stable),
            frame_seconds=self._frame_seconds,
            duration=seconds,
            language=self.language,
            formatting=self._formatting,
        )


class UtteranceRecognizer:
    """Transcribes one utterance; its clock starts with its first sample.

    Args:
        stream: encodes and decodes.
        model: the model that transcribes.
        tuning: of growing utterances.
    """

    def __init__(self, stream: StreamRecognizer, model: "LoadedModel", tuning: Tuning) -> None:
        acoustic = model.acoustic
        self._stream = stream
        self._sliding = SlidingEmissions(acoustic.hop, acoustic.receptive_field, tuning.margins)
        self._agreement = LocalAgreement(tuning.stability)
        # Emissions that were computed in one piece, and of how many samples: a short utterance
        # need not be encoded again when it turns out to be over.
        self._in_one_piece: tuple[int, npt.NDArray[np.float32]] = -1, np.empty((0, 0), np.float32)

    @property
    def stable(self) -> tuple[Word, ...]:
        """The stable words."""
        return self._agreement.stable

    def next_window(self, samples: int) -> Window | None:
        """Returns what to encode of an utterance of that many samples; None for nothing."""
        return self._sliding.plan(samples)

    async def update(self, window: Window, samples: Samples, seconds: float) -> tuple[Word, ...]:
        """Transcribes up to the end of a window.

        Args:
            window: as `next_window` returned it.
            samples: float32, those of the window.
            seconds: length of the utterance so far, with silence after the window.

        Returns:
            All words so far; the first of them are `stable`.

        Raises:
            NordlydError: from the engine.
        """
        kept = await self._stream.encode_window(window, samples)
        emissions = self._sliding.add(window, kept)
        if window.start == 0:
            self._in_one_piece = window.stop, emissions
        words, competing = await self._stream.decode_partial(emissions, window.stop / SAMPLE_RATE)
        return self._agreement.update(words, seconds, competing)

    async def finish(self, samples: Samples) -> UtteranceResult:
        """Transcribes the whole utterance, float32 [samples].

        Raises:
            NordlydError: from the engine.
        """
        encoded, emissions = self._in_one_piece
        if encoded != len(samples):
            emissions = await self._stream.encode_utterance(samples)
        return await self._stream.decode_final(emissions, len(samples) / SAMPLE_RATE, self.stable)


def _partial_decoding(decoding: DecodingOptions, model: "LoadedModel") -> DecodingOptions:
    """Returns how to decode a growing utterance: as requested, with `auto` resolved."""
    has_lm = DEFAULT_LM in model.decoders.language_models
    if decoding.decoder != "auto" or decoding.given_beam_options() or has_lm:
        return decoding
    return replace(decoding, decoder="greedy")
