"""Encodes one batch; each of its windows gets emissions or an error of its own.

A batch that fails is halved until the window at fault is alone; one that runs out of memory is
halved too.
"""

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from app.engine.scheduler import Item
from app.engine.types import FloatArray
from app.errors import EncodingError, NordlydError

_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "alloc_failed",
)
_DEVICE_LOST = ("cuda error", "device-side assert", "device lost")

_log = structlog.get_logger(__name__)


class DeviceLostError(Exception):
    """Every further call to the device fails; only a new process can use it again."""


@dataclass(slots=True)
class Attempt:
    """The outcome of one call of the encoder, or of preparing it.

    Args:
        encoded: windows with their emissions, float32 [frames, vocabulary].
        failed: windows with the error their request gets.
        seconds: time the call took; 0 when it gave no emissions.
    """

    encoded: list[tuple[Item, FloatArray]] = field(default_factory=list)
    failed: list[tuple[Item, NordlydError]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class BatchContext:
    """What `encode_isolated` works with.

    Args:
        encode: returns the emissions of prepared waveforms.
        load: returns a window's samples.
        is_pending: False once the answer to a window's request is no longer needed.
        describe: returns where a window lies in its audio, for an error message.
        out_of_memory: called with the padded samples of each call that ran out of memory.
        clock: seconds, monotonic.
    """

    encode: Callable[[Sequence[FloatArray]], list[FloatArray]]
    load: Callable[[Item], FloatArray]
    is_pending: Callable[[Item], bool]
    describe: Callable[[Item], str]
    out_of_memory: Callable[[int], None]
    clock: Callable[[], float]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the host had no memory left; works without importing torch."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in message for sign in _OUT_OF_MEMORY)


def is_device_lost(error: BaseException) -> bool:
    """Whether the error is one after which a device fails every call, as CUDA does."""
    if is_out_of_memory(error) or not isinstance(error, RuntimeError):
        return False
    message = str(error).lower()
    return type(error).__name__ == "AcceleratorError" or any(
        sign in message for sign in _DEVICE_LOST
    )


def release_memory() -> None:
    """Releases the memory that garbage and the device's caching allocator hold."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def encode_isolated(items: Sequence[Item], context: BatchContext) -> Iterator[Attempt]:
    """Encodes a batch so that a window can only make its own request fail.

    Every item that is still pending is in exactly one of the attempts. Items whose request was
    cancelled are dropped before each call of the encoder, also half-way through a bisection.

    Raises:
        DeviceLostError: nothing more can be computed on this device.
    """
    pending = [(list(items), False)]
    while pending:
        chunk, retried = pending.pop()
        attempt = Attempt()
        waves: list[FloatArray] = []
        loaded: list[Item] = []
        for item in chunk:
            if not context.is_pending(item):
                continue
            try:
                waves.append(context.load(item))
            except Exception as error:
                attempt.failed.append((item, _error_of(item, error, context)))
            else:
                loaded.append(item)
        if loaded:
            halves = _call(loaded, waves, attempt, context, retried=retried)
            pending.extend(reversed(halves))
        if attempt.encoded or attempt.failed:
            yield attempt


def _call(
    items: list[Item],
    waves: list[FloatArray],
    attempt: Attempt,
    context: BatchContext,
    *,
    retried: bool,
) -> list[tuple[list[Item], bool]]:
    """Calls the encoder once, fills in the attempt, and returns what is to be tried again."""
    started = context.clock()
    try:
        emissions = context.encode(waves)
        if len(emissions) != len(items):
            raise RuntimeError(f"{len(emissions)} results for {len(items)} windows")  # noqa: TRY301
    except Exception as error:
        if is_device_lost(error):
            raise DeviceLostError(str(error)) from error
        out_of_memory = is_out_of_memory(error)
        alone = len(items) == 1
        if alone and (retried or not out_of_memory):
            attempt.failed.append((items[0], _error_of(items[0], error, context)))
            return []
        reason = f"{type(error).__name__}: {error}"
    else:
        attempt.encoded.extend(zip(items, emissions, strict=True))
        attempt.seconds = context.clock() - started
        return []
    # Outside of the handler, where the traceback and with it the failed call's tensors are gone.
    _log.warning("batch failed, trying its parts", windows=len(items), reason=reason)
    if out_of_memory:
        context.out_of_memory(len(items) * max(item.samples for item in items))
        release_memory()
    if alone:
        return [(items, True)]
    middle = (len(items) + 1) // 2
    return [(items[:middle], False), (items[middle:], False)]


def _error_of(item: Item, error: Exception, context: BatchContext) -> NordlydError:
    """Returns the error that a request gets for its own window."""
    _log.error("window failed", where=context.describe(item), exc_info=error)
    if isinstance(error, NordlydError):
        return error
    reason = "out of memory" if is_out_of_memory(error) else f"{type(error).__name__}: {error}"
    return EncodingError(f"The model failed on {context.describe(item)}: {reason[:300]}")
