"""The requests, models and limits of the pipeline: values without behaviour."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from app.audio import SAMPLE_RATE, AudioLimits, DecodeOptions
from app.catalogue import ModelCard
from app.contract.answers import Notice
from app.decoding import DecodingOptions, ModelDecoders
from app.engine import Encoder, revision_name
from app.itn import FormattingOptions
from app.pipeline.options import SearchLimits
from app.pipeline.workload import Work
from app.vocabulary import Vocabulary

Progress = Callable[[int, int], None]
"""Called with how many windows are encoded, and how many there are."""


class AcousticModel(Encoder, Protocol):
    """A loaded checkpoint as the service uses it; `app.acoustic.AcousticModel` is one."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens that the columns of the emissions stand for."""

    @property
    def do_normalize(self) -> bool:
        """Whether its input is normalised to zero mean and unit variance."""

    @property
    def parameters(self) -> int:
        """Number of its weights."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class LoadedModel:
    """A model in memory, with the decoders of its emissions.

    Every request that uses it holds it, so that it can be unloaded once nothing holds it.

    Attributes:
        card: what is known of it.
        acoustic: its encoder.
        decoders: of its emissions.
        revision: above 0 where it replaced a model of the same id.
    """

    card: ModelCard
    acoustic: AcousticModel
    decoders: ModelDecoders
    revision: int = 0

    @property
    def encoder_name(self) -> str:
        """Names its encoder in the engine."""
        return revision_name(self.card.id, self.revision)

    @property
    def frame_seconds(self) -> float:
        """Length of one frame of its emissions in seconds."""
        return self.acoustic.hop / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Route:
    """The model and the options that serve a request, decided once, before its audio is decoded.

    Attributes:
        card: of the model.
        language: code of the language that is transcribed.
        decoding: how to decode the emissions.
        formatting: how to write the formatted text beside the verbatim one; None leaves it out.
        notices: what the client should know about the choice of the model.
        model: the model itself, which stays in memory for as long as this does; None while it is
            still being loaded.
    """

    card: ModelCard
    language: str
    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    formatting: FormattingOptions | None = None
    notices: tuple[Notice, ...] = ()
    model: LoadedModel | None = None


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """One recording to transcribe.

    Args:
        source: an open file at its beginning, which is closed once it is read, or a path.
        request_id: for the logs and the answer.
        route: the model and the options that serve it.
        audio: how to decode its audio.
        caller: who sent it, as limits for each caller go by: a digest of the API key, or the
            address; empty for this process itself.
        deadline: instant of `time.monotonic` after which the answer is of no use.
        wait_for_room: whether to wait where the queue is full, instead of being refused.
        background: whether it is served only while no other request waits, as jobs are.
        work: counts it among what the service has accepted; None for what is not waited for.
    """

    source: BinaryIO | Path
    request_id: str
    route: Route
    audio: DecodeOptions = field(default_factory=DecodeOptions)
    caller: str = ""
    deadline: float | None = None
    wait_for_room: bool = False
    background: bool = False
    work: Work | None = None


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """Limits and sizes, all in seconds of audio but for the workers.

    `audio` is what one recording may hold. `decode_workers` decode text: threads, or processes
    where the decoder needs them. `search` bounds the options of a request's search.
    """

    audio: AudioLimits
    window_seconds: float
    context_seconds: float
    decode_workers: int
    decode_processes: bool = False
    decode_jobs: int = 64
    search: SearchLimits = field(default_factory=SearchLimits)
