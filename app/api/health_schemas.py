"""The JSON bodies of the health routes."""

from pydantic import BaseModel, Field


class LiveBody(BaseModel):
    """The process answers."""

    status: str = Field(examples=["live"])


class ReadyBody(BaseModel):
    """Every configured model is loaded and its device thread answers."""

    status: str = Field(examples=["ready"])


class ModelBody(BaseModel):
    """One loaded model."""

    id: str = Field(examples=["wav2vec2-xlsr-1B-NPSC-NN"])
    title: str | None = Field(description="For a person; null where its card has none.")
    hub: str | None = Field(description="Repository on the model hub; null for local models.")
    languages: list[str] = Field(examples=[["nn"]])
    language_models: list[str] = Field(
        description="What a request may name as `lm`.", examples=[["default"]]
    )
    device: str = Field(examples=["cuda"])
    dtype: str = Field(examples=["float16"])
    kernels: str = Field(description="What computes the network.", examples=["avx512-bf16"])
    decoder: str = Field(description="What searches the beam.", examples=["native"])
    parameters: int = Field(examples=[962_474_672])


class QueueBody(BaseModel):
    """Work admitted and not yet answered."""

    seconds: float = Field(description="Audio waiting or running, in seconds.")
    limit_seconds: float = Field(description="Above this, requests get a 429.")


class HealthBody(BaseModel):
    """What runs here."""

    version: str
    state: str = Field(description="loading, ready, draining, hung or failed.", examples=["ready"])
    reason: str | None = Field(description="Why it is not ready; null when it is.")
    models: list[ModelBody]
    queue: QueueBody
