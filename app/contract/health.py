"""The answers of the health routes."""

from pydantic import BaseModel, ConfigDict, Field


class Live(BaseModel):
    """The process answers."""

    model_config = ConfigDict(title="LiveBody", use_attribute_docstrings=True)

    status: str = Field(examples=["live"])
    """Always live."""


class Ready(BaseModel):
    """Every configured model is loaded and its device thread answers."""

    model_config = ConfigDict(title="ReadyBody", use_attribute_docstrings=True)

    status: str = Field(examples=["ready"])
    """Always ready."""


class ModelInfo(BaseModel):
    """One loaded model."""

    model_config = ConfigDict(title="ModelBody", use_attribute_docstrings=True)

    id: str = Field(examples=["wav2vec2-xlsr-1B-NPSC-NN"])
    """What a request may name as `model`."""
    title: str | None
    """For a person; null where its card has none."""
    hub: str | None
    """Repository on the model hub; null for local models."""
    languages: list[str] = Field(examples=[["nn"]])
    """Codes of the languages that it transcribes."""
    language_models: list[str] = Field(examples=[["default"]])
    """What a request may name as `lm`."""
    damaged_language_models: list[str] = Field(default=[], examples=[[]])
    """Language models that failed to load when a request named them; the log has the reason."""
    device: str = Field(examples=["cuda"])
    """Where it runs."""
    dtype: str = Field(examples=["float16"])
    """The type of its weights."""
    kernels: str = Field(examples=["avx512-bf16"])
    """What computes the network."""
    decoder: str = Field(examples=["native"])
    """What searches the beam."""
    parameters: int = Field(examples=[962_474_672])
    """Number of its weights."""


class Queue(BaseModel):
    """Work admitted and not yet answered."""

    model_config = ConfigDict(title="QueueBody", use_attribute_docstrings=True)

    seconds: float
    """Audio waiting or running, in seconds."""
    limit_seconds: float
    """Above this, requests get a 429."""


class Health(BaseModel):
    """What runs here."""

    model_config = ConfigDict(title="HealthBody", use_attribute_docstrings=True)

    version: str
    """Of the service."""
    state: str = Field(examples=["ready"])
    """loading, ready, draining, hung or failed."""
    reason: str | None
    """Why it is not ready; null when it is."""
    models: list[ModelInfo]
    """The models in memory."""
    keeps_corrections: bool = False
    """Whether corrected transcripts of jobs are kept for training, where their senders agree."""
    diarize: bool = False
    """Whether speakers can be told apart: the extra and its weights are installed."""
    known_speakers: bool = False
    """Whether callers may add known speakers, whose names transcripts then have."""
    queue: Queue
    """How much work there is."""
