"""Silero's voice activity detector: the probability of speech in every 32 ms of samples.

The 16 kHz network of the package silero-vad with its weights, computed with numpy: many times
cheaper than with TorchScript. The package itself is not imported, because its import makes torch
use one thread.
"""

import importlib.util
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from app.audio import Samples
from app.errors import ConfigurationError

CHUNK_SAMPLES = 512
"""Samples of one probability."""

_CONTEXT, _REFLECTED, _FFT, _STRIDE, _BINS, _STATE = 64, 64, 256, 128, 129, 128
_MODEL = "data/silero_vad.jit"
# Strides of the four convolutions over a chunk's frames, each with a kernel of three.
_STRIDES = (1, 2, 2, 1)

_NAMES = {
    "transform": "stft.forward_basis_buffer",
    **{
        f"conv{number}.{part}": f"encoder.{number}.reparam_conv.{part}"
        for number in range(4)
        for part in ("weight", "bias")
    },
    **{
        f"rnn.{part}": f"decoder.rnn.{part}"
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    },
    **{f"output.{part}": f"decoder.decoder.2.{part}" for part in ("weight", "bias")},
}

_Array = npt.NDArray[np.float32]


def find_vad_model() -> Path:
    """Returns where the installed package silero-vad has its model; it is not imported.

    Raises:
        ConfigurationError: it is not installed.
    """
    found = importlib.util.find_spec("silero_vad")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError("live streams need the package silero-vad: install it")
    return Path(found.submodule_search_locations[0]) / _MODEL


@dataclass(frozen=True, slots=True)
class _Layer:
    """An affine layer: `values @ weight + bias`."""

    weight: _Array
    bias: _Array

    def __call__(self, values: _Array) -> _Array:
        result: _Array = values @ self.weight + self.bias
        return result


@dataclass(frozen=True, slots=True)
class VadModel:
    """The weights, shared by all streams.

    Attributes:
        transform: [256, 258], the windowed cosines and sines of a Fourier transform.
        convolutions: four, each [3 * channels in, channels out].
        recurrent: [256, 512] over a frame's features and the last state.
        output: [128, 1].
    """

    transform: _Array
    convolutions: tuple[_Layer, ...]
    recurrent: _Layer
    output: _Layer

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads the weights of the packaged model. Imports torch, so it blocks for seconds.

        Raises:
            ConfigurationError: the file has other weights than expected.
        """
        import torch  # noqa: PLC0415 - takes seconds; loaded anyway once a model is

        _keep_numpy_to_one_thread()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            state = torch.jit.load(path, map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
        try:
            weights = {name: state[f"_model.{key}"].numpy() for name, key in _NAMES.items()}
        except KeyError as error:
            raise ConfigurationError(f"{path} is not a model of silero-vad 6: {error}") from error
        return cls._of(weights)

    @classmethod
    def _of(cls, weights: Mapping[str, _Array]) -> Self:
        def convolution(number: int) -> _Layer:
            kernel = weights[f"conv{number}.weight"]  # [out, in, 3]
            flat = np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0]))
            return _Layer(flat, weights[f"conv{number}.bias"].copy())

        recurrent = np.concatenate((weights["rnn.weight_ih"].T, weights["rnn.weight_hh"].T))
        return cls(
            transform=np.ascontiguousarray(weights["transform"][:, 0].T),
            convolutions=tuple(map(convolution, range(4))),
            recurrent=_Layer(recurrent, weights["rnn.bias_ih"] + weights["rnn.bias_hh"]),
            output=_Layer(
                weights["output.weight"][:, :, 0].T.copy(), weights["output.bias"].copy()
            ),
        )

    def features(self, chunks: _Array) -> _Array:
        """Computes the inputs of the recurrent layer.

        Args:
            chunks: float32 [chunks, 64 + 512], each with the samples before it.

        Returns:
            float32 [chunks, 128].
        """
        padded = np.concatenate((chunks, chunks[:, -2 : -2 - _REFLECTED : -1]), axis=1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, _FFT, axis=1)[:, ::_STRIDE]
        # One product of plain matrices: over a view numpy multiplies by itself, slowly.
        spectrum = windows.reshape(-1, _FFT) @ self.transform
        power = spectrum[:, :_BINS] ** 2 + spectrum[:, _BINS:] ** 2
        hidden: _Array = np.sqrt(power).reshape(len(chunks), -1, _BINS)
        for layer, stride in zip(self.convolutions, _STRIDES, strict=True):
            hidden = _convolve(hidden, layer, stride)
        return hidden[:, 0]


def _keep_numpy_to_one_thread() -> None:
    """Limits numpy's BLAS to one thread.

    Products as small as these are slower on several threads, which also spin between them; on two
    cores a stream cost ten times as much. torch has threads of its own and keeps them.
    """
    for library in ThreadpoolController().lib_controllers:
        if library.user_api == "blas" and "numpy" in library.filepath:
            library.set_num_threads(1)


class VoiceActivityDetector:
    """The detector of one stream.

    Args:
        model: the weights.
    """

    def __init__(self, model: VadModel) -> None:
        self._model = model
        self._context = np.zeros(_CONTEXT, np.float32)
        self._hidden = np.zeros(_STATE, np.float32)
        self._cell = np.zeros(_STATE, np.float32)

    def probabilities(self, samples: Samples) -> list[float]:
        """Computes the probability of speech in each chunk of 512 samples.

        Args:
            samples: float32 [a multiple of 512], following those of the last call.
        """
        if not samples.size:
            return []
        joined = np.concatenate((self._context, samples))
        self._context = joined[-_CONTEXT:]
        chunks = np.lib.stride_tricks.sliding_window_view(joined, _CONTEXT + CHUNK_SAMPLES)
        features = self._model.features(chunks[::CHUNK_SAMPLES])
        return [self._step(feature) for feature in features]

    def _step(self, feature: _Array) -> float:
        """Runs one step of the LSTM, and the output layer."""
        gates = self._model.recurrent(np.concatenate((feature, self._hidden)))
        entry, keep, candidate, exit_ = gates.reshape(4, _STATE)
        self._cell = _sigmoid(keep) * self._cell + _sigmoid(entry) * np.tanh(candidate)
        self._hidden = _sigmoid(exit_) * np.tanh(self._cell)
        return float(_sigmoid(self._model.output(np.maximum(self._hidden, 0)))[0])


def _convolve(values: _Array, layer: _Layer, stride: int) -> _Array:
    """Convolves [chunks, frames, channels], padded by a frame on each side, with a kernel of 3."""
    chunks, frames, channels = values.shape
    padded = np.zeros((chunks, frames + 2, channels), np.float32)
    padded[:, 1:-1] = values
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)[:, ::stride]
    flat = windows.transpose(0, 1, 3, 2).reshape(-1, 3 * channels)
    return np.maximum(layer(flat), 0).reshape(chunks, windows.shape[1], -1)


def _sigmoid(values: _Array) -> _Array:
    # By tanh: it does not overflow.
    result: _Array = 0.5 * np.tanh(0.5 * values) + 0.5
    return result
