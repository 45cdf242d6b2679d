"""The messages of /admin: models, log level, queue and drain."""

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class _Shown(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)


class LoadModel(_Given):
    """The body of POST /admin/models."""

    model: str = Field(min_length=1, max_length=500, examples=["demo-nn"])
    """A model of NORDLYD_MODELS or of the catalogue: its id, hub id or folder."""
    replace: str | None = Field(None, max_length=500, examples=["demo-nb"])
    """Id of a loaded model whose place it takes, and which is unloaded then; may be its own."""
    pull: bool = False
    """Whether to fetch its files from the hub where they are not on this machine."""


class AdminModel(_Shown):
    """A model that is in memory, or may be loaded."""

    id: str
    """Names the model in requests."""
    state: Literal["loaded", "loading", "unloading", "available", "absent"]
    """loaded: serves requests. unloading: only those that were there before. available: on this
    machine. absent: would have to be pulled."""
    languages: tuple[str, ...] = ()
    """Codes of the languages that its card lists."""


class AdminModels(_Shown):
    """The models, those in memory first."""

    models: tuple[AdminModel, ...]
    """One entry each; a model that replaces itself has two for a while."""


class LogLevelBody(_Given):
    """The log level, as NORDLYD_LOG_LEVEL sets it at the start."""

    level: LogLevel
    """debug, info, warning or error."""


class CallerQueue(_Shown):
    """What one caller has in the queue."""

    caller: str
    """`key:` and the id of its API key, or `address:` and its address."""
    requests: int
    """Recordings that wait or run."""
    seconds: float
    """Their audio that is not encoded yet."""


class AdminQueue(_Shown):
    """The queue of the engine."""

    seconds: float
    """Audio that waits or runs."""
    limit_seconds: float
    """Above it requests are refused."""
    waiting_windows: int
    """Windows of recordings that wait for a device."""
    running_windows: int
    """Windows in the batches that run."""
    callers: tuple[CallerQueue, ...]
    """Who has work there, the most audio first."""


class Drain(_Shown):
    """The answer to POST /admin/drain."""

    state: str = Field(examples=["draining"])
    """Of the service."""
    idle: bool
    """Whether all work that had been accepted is answered."""
