"""The requests, models and limits of the pipeline: values without behaviour."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from app.audio import SAMPLE_RATE, AudioLimits, DecodeOptions, Recording
from app.catalogue import ModelCard
from app.contract.answers import Notice
from app.decoding import DecodingOptions, ModelDecoders
from app.engine import Encoder, revision_name
from app.itn import FormattingOptions
from app.pipeline.options import SearchLimits
from app.pipeline.workload import Work
from app.redaction import RedactionOptions
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


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What clients and operators may know of a model that serves requests.

    Attributes:
        device: where it computes.
        dtype: the type it computes in.
        kernels: what computes it.
        parameters: number of its weights.
        decoder: implementation of its beam search.
        language_models: names that a request may choose.
        damaged_language_models: those that could not be loaded.
    """

    device: str
    dtype: str
    kernels: str
    parameters: int
    decoder: str
    language_models: tuple[str, ...]
    damaged_language_models: tuple[str, ...] = ()


class AvailableModel(Protocol):
    """A model that requests are routed to, wherever it computes."""

    @property
    def card(self) -> ModelCard:
        """What is known of it."""

    @property
    def facts(self) -> ModelFacts:
        """How it computes."""

    @property
    def encoder_name(self) -> str:
        """Names its encoder in the engine."""

    def check(self, decoding: DecodingOptions) -> None:
        """Does nothing if it can be decoded so; raises as `ModelDecoders.check` otherwise."""

    def with_revision(self, revision: int) -> Self:
        """Returns the model as one that replaced others of its id."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class LoadedModel:
    """An `AvailableModel` in memory, with the decoders of its emissions.

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

    @property
    def facts(self) -> ModelFacts:
        """How it computes."""
        return ModelFacts(
            device=self.acoustic.device,
            dtype=self.acoustic.dtype,
            kernels=self.acoustic.kernels,
            parameters=self.acoustic.parameters,
            decoder=self.decoders.backend,
            language_models=self.decoders.language_models,
            damaged_language_models=self.decoders.damaged_language_models,
        )

    def check(self, decoding: DecodingOptions) -> None:
        """Does nothing if it can be decoded so; raises as `ModelDecoders.check` otherwise."""
        self.decoders.check(decoding)

    def with_revision(self, revision: int) -> Self:
        """Returns the model as one that replaced others of its id."""
        return replace(self, revision=revision)


@dataclass(frozen=True, slots=True)
class Route:
    """The model and the options that serve a request, decided once, before its audio is decoded.

    Attributes:
        card: of the model.
        language: code of the language that is transcribed.
        decoding: how to decode the emissions.
        formatting: how to write the formatted text beside the verbatim one; None leaves it out.
        redaction: what is masked in both; None masks nothing.
        notices: what the client should know about the choice of the model.
        model: the model itself, which stays in memory for as long as this does; None while it is
            still being loaded.
        detection: chooses another route by the speech; None where this is the route.
    """

    card: ModelCard
    language: str
    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    formatting: FormattingOptions | None = None
    redaction: RedactionOptions | None = None
    notices: tuple[Notice, ...] = ()
    model: AvailableModel | None = None
    detection: "Detection | None" = None


@dataclass(frozen=True, slots=True)
class Detection:
    """The choice of a route by the speech itself.

    Attributes:
        candidates: routes of the languages; at least one. The first is that of speech which fits
            none better than another.
        each: whether each utterance has a choice of its own.
    """

    candidates: tuple[Route, ...]
    each: bool = False


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
class DecodedRequest:
    """One recording to recognise, whose audio was decoded; otherwise as `TranscriptionRequest`.

    Attributes:
        recording: its samples; closed once they are encoded.
    """

    recording: Recording
    request_id: str
    route: Route
    caller: str = ""
    deadline: float | None = None
    wait_for_room: bool = False
    background: bool = False
    work: Work | None = None

    @classmethod
    def of(cls, request: TranscriptionRequest, recording: Recording) -> Self:
        """Returns a request after its audio was decoded."""
        return cls(
            recording,
            request.request_id,
            request.route,
            caller=request.caller,
            deadline=request.deadline,
            wait_for_room=request.wait_for_room,
            background=request.background,
            work=request.work,
        )


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
