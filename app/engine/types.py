"""The values that go into and come out of the engine, and the interfaces it relies on.

The engine takes an `EncodeRequest` of windows whose samples are fetched when needed, and returns
`EncodedAudio`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]

Admission: TypeAlias = Literal["queue", "wait", "always"]

# Called on the event loop with a window's index and its kept emissions, in window order.
WindowCallback: TypeAlias = Callable[[int, FloatArray], None]


_REVISION = "#"


def revision_name(model: str, revision: int) -> str:
    """Returns the name under which the engine has an encoder.

    Args:
        model: id of its model.
        revision: above 0 where it replaces one that is still in use under the same id.
    """
    return f"{model}{_REVISION}{revision}" if revision else model


def model_of(encoder: str) -> str:
    """Returns the id of the model that an encoder of the engine belongs to."""
    return encoder.partition(_REVISION)[0]


class Encoder(Protocol):
    """The part of an acoustic model that the engine needs."""

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""

    @property
    def receptive_field(self) -> int:
        """Samples that one frame is computed from."""

    @property
    def device(self) -> str:
        """Where it computes; models of the same device share one thread."""

    @property
    def dtype(self) -> str:
        """The type it computes in, such as float16."""

    @property
    def kernels(self) -> str:
        """The kernels that compute it."""

    def frames(self, samples: int) -> int:
        """Returns the number of frames of that many samples."""

    def encode(self, windows: Sequence[FloatArray]) -> list[FloatArray]:
        """Returns log-probabilities [frames, vocabulary] for each prepared waveform [samples]."""


class WindowLike(Protocol):
    """A stretch of a recording; `app.audio.Window` is one."""

    @property
    def start(self) -> int:
        """First sample."""

    @property
    def stop(self) -> int:
        """One past the last sample."""

    @property
    def keep_from(self) -> int:
        """First of the window's own frames that is kept; those before are context."""

    @property
    def keep_to(self) -> int:
        """One past the last of the window's own frames that is kept."""


WindowT = TypeVar("WindowT", bound=WindowLike)


@dataclass(frozen=True, slots=True)
class EncodeRequest(Generic[WindowT]):
    """One recording to encode.

    Args:
        model: name under which the encoder was added to the engine, as of `revision_name`.
        windows: the windows in order of time; their kept frames, joined, are the answer.
        fetch: returns a window's prepared samples, float32 [stop - start]. It runs on the device
            thread just before the window's batch, so that a long recording is not copied
            into windows up front; it must be quick and must not wait.
        request_id: for the logs.
        deadline: instant of `time.monotonic` by which it must be answered.
        caller: who sent it; callers have equal turns, and each its share of the queue.
        admission: `queue` refuses it where the queue has no room, `wait` waits for room, and
            `always` is for a part of something that was admitted before, such as a step of a
            live stream.
        background: whether it is served only while no other request waits. It is never refused
            for a full queue, and the others' waits are predicted without it.
    """

    model: str
    windows: Sequence[WindowT]
    fetch: Callable[[WindowT], FloatArray]
    request_id: str
    deadline: float | None = None
    caller: str = ""
    admission: Admission = "queue"
    background: bool = False


@dataclass(frozen=True, slots=True)
class EncodedAudio:
    """The answer to an `EncodeRequest`.

    Args:
        emissions: float32 [frames, vocabulary], natural-log probabilities, context dropped.
        queue_seconds: how long the request waited for its turns on the device.
        encode_seconds: how long batches with a window of this request were running.
    """

    emissions: FloatArray
    queue_seconds: float
    encode_seconds: float


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """The options of the engine; the defaults serve a small CPU and a large GPU.

    Args:
        max_queue_seconds: audio of recordings that may wait or run.
        caller_share: the part of the queue that one caller may fill, 0 to 1.
        batch_seconds: padded audio seconds in one batch; None lets the warm-up find it.
        hang_seconds: a device thread silent for longer counts as hung.
        window_seconds: the usual length of a window, which the warm-up measures with.
        patience_seconds: a request that waited longer than this goes before all others.
        max_padding_share: how much of a batch of unequal lengths may be padding, 0 to 1.
        recovery_batches: successful batches after which a budget cut by an out-of-memory
            error grows by a quarter.
        max_windows_cpu: the largest batch the warm-up tries on a CPU, in windows.
        max_windows_accelerator: the same on any other device.
        warmup_seconds_cpu: the warm-up starts no measurement that is expected to end later
            than this, except its first.
        warmup_seconds_accelerator: the same on any other device.
        sample_rate: samples per second of every waveform.
    """

    max_queue_seconds: float = 4 * 3600
    caller_share: float = 0.5
    batch_seconds: float | None = None
    hang_seconds: float = 60.0
    window_seconds: float = 24.0
    patience_seconds: float = 10.0
    max_padding_share: float = 0.1
    recovery_batches: int = 64
    max_windows_cpu: int = 4
    max_windows_accelerator: int = 64
    warmup_seconds_cpu: float = 0.3
    warmup_seconds_accelerator: float = 5.0
    sample_rate: int = 16_000

    def max_windows(self, device: str) -> int:
        """The largest batch the warm-up tries on that device, in windows."""
        return self.max_windows_cpu if device == "cpu" else self.max_windows_accelerator

    def warmup_seconds(self, device: str) -> float:
        """How long the warm-up of one model may take on that device, roughly."""
        return self.warmup_seconds_cpu if device == "cpu" else self.warmup_seconds_accelerator


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The state of the engine at one instant.

    Args:
        fault: why not every model can serve, for a person; empty while all can.
        queue_audio_seconds: audio waiting or running.
        queued_windows: windows waiting, without those running.
        running: windows in the batches that run now.
        batch_seconds: by model, the padded-seconds budget of a batch as it stands.
        real_time_factor: by model, measured compute seconds per audio second.
    """

    fault: str
    queue_audio_seconds: float
    queued_windows: int
    running: int
    batch_seconds: Mapping[str, float]
    real_time_factor: Mapping[str, float]
