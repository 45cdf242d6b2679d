"""What is asked of the pipeline, and the models that do it: values without behaviour."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from app.audio import AudioLimits, DecodeOptions
from app.catalogue import ModelCard
from app.decoding import DecodingOptions, ModelDecoders
from app.engine import Encoder
from app.itn import FormattingOptions
from app.vocabulary import Vocabulary

# EventQueue how many of how many windows are encoded.
Progress = Callable[[int, int], None]


class AcousticModel(Encoder, Protocol):
    """What the service needs of a loaded checkpoint; `app.acoustic.AcousticModel` is one."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens that the columns of the emissions stand for."""

    @property
    def do_normalize(self) -> bool:
        """Whether the waveform is to have zero mean and unit variance."""

    @property
    def parameters(self) -> int:
        """How many weights it has."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory, with the decoders that read its emissions."""

    card: ModelCard
    acoustic: AcousticModel
    decoders: ModelDecoders


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """One recording to transcribe.

    Args:
        source: an open file at its beginning, which is closed once it is read, or a path.
        request_id: for the logs.
        audio: how to read it.
        caller: who sent it, as limits for each caller go by: a digest of the API key, or the
            address; empty for this process itself.
        model: id or hub id of a loaded model; None lets the language choose.
        language: code, tag or name; None takes the default.
        deadline: instant of `time.monotonic` after which no answer is wanted.
        wait_for_room: wait where the queue is full, instead of being refused.
        decoding: how the text is read off the emissions.
        readable: how to write a readable text beside the verbatim one; None writes none.
    """

    source: BinaryIO | Path
    request_id: str
    audio: DecodeOptions = field(default_factory=DecodeOptions)
    caller: str = ""
    model: str | None = None
    language: str | None = None
    deadline: float | None = None
    wait_for_room: bool = False
    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    readable: FormattingOptions | None = None


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """Limits and sizes, all in seconds of audio but for the workers.

    `audio` is what one recording may hold. `decode_workers` decode text: threads, or processes
    where the decoder needs them.
    """

    audio: AudioLimits
    window_seconds: float
    context_seconds: float
    decode_workers: int
    decode_processes: bool = False
    decode_jobs: int = 64
