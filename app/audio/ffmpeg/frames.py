"""Reads the samples of PyAV's frames without those of its calls that corrupt memory.

Three calls of PyAV 18 are avoided. `AudioFrame.planes`, and `to_ndarray` by it, looks for a null
pointer behind the last plane, and there is none behind eight planes or more: it finds a ninth, or
runs off the array. `AudioLayout` copies FFmpeg's struct without the array in it, and frees that
array although it has another owner: so do `AudioFrame.layout` and `AudioCodecContext.layout` of
each file whose channels are in an order that FFmpeg calls custom.
"""

import math

import av
import numpy as np
import numpy.typing as npt
from av.audio.plane import AudioPlane

from app.errors import UnsupportedAudioError

_DTYPES: dict[str, npt.DTypeLike] = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "s64": np.int64,
    "flt": np.float32,
    "dbl": np.float64,
}
# Layouts that must never be freed, since FFmpeg frees their contents. Only decoders that report an
# order of their own in the middle of a stream put something here.
_kept: list[object] = []


def use_safe_layout(context: av.AudioCodecContext) -> int:
    """Gives a decoder a channel layout that PyAV can handle; returns its number of channels.

    The name of the layout does not matter here: all channels are mixed.

    Args:
        context: of a track; not open yet.
    """
    layout = context.layout
    channels: int = layout.nb_channels
    if channels:
        # Overwrites the struct without freeing the array, which `layout` frees as it goes away.
        name = layout.name
        context.layout = f"{channels} channels" if "(" in name else name
    return channels


def keep_layout(frame: av.AudioFrame) -> None:
    """Keeps the layout of a frame from being freed twice; call this for each decoded frame."""
    if "(" in frame.layout.name:
        _kept.append(frame.layout)


def samples_of(frame: av.AudioFrame) -> npt.NDArray[np.float32]:
    """Returns the samples of a frame: float32 [samples, channels], integers scaled to -1..1.

    Raises:
        UnsupportedAudioError: the sample format is not supported.
        ValueError: the frame's memory is smaller than it declares.
    """
    kind = frame.format.name
    planar = kind.endswith("p")
    dtype = _DTYPES.get(kind.removesuffix("p"))
    if dtype is None:
        raise UnsupportedAudioError(f"Samples of the kind {kind} are not supported.")
    channels = frame.layout.nb_channels
    if planar:
        planes = (
            np.frombuffer(memoryview(AudioPlane(frame, index)), dtype, frame.samples)
            for index in range(channels)
        )
        return as_float(np.stack(list(planes), axis=1))
    packed = np.frombuffer(memoryview(AudioPlane(frame, 0)), dtype, frame.samples * channels)
    return as_float(packed.reshape(-1, channels).copy())


def as_float(frames: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Returns integers scaled to -1..1, and floats unchanged."""
    if frames.dtype.kind == "f":
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            return frames.astype(np.float32, copy=False)
    scale = math.ldexp(1.0, 1 - 8 * frames.dtype.itemsize)
    scaled: npt.NDArray[np.float32] = frames.astype(np.float32) * np.float32(scale)
    if frames.dtype.kind == "u":
        scaled -= 1.0
    return scaled
