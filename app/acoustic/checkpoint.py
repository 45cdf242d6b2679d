"""Loads a checkpoint folder as a model that turns raw waveforms into emissions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from app.acoustic.adapters import Adapter, read_adapter
from app.acoustic.choice import choose_kernels
from app.acoustic.config import EncoderConfig, read_config
from app.acoustic.device import resolve_device
from app.acoustic.encoder import Encoder
from app.acoustic.kernels import Kernels
from app.acoustic.tokens import read_vocabulary, written_vocabulary
from app.acoustic.weights import check_weights, read_weights, under_one_name
from app.errors import AudioError, EncodingError
from app.vocabulary import Vocabulary

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Outline:
    """What the emissions of a checkpoint are like.

    Attributes:
        hop: samples from one frame to the next.
        receptive_field: samples that one frame is computed from.
        do_normalize: whether the input is normalised to zero mean and unit variance.
        vocabulary: the tokens that the columns of the emissions stand for.
    """

    hop: int
    receptive_field: int
    do_normalize: bool
    vocabulary: Vocabulary


class AcousticModel:
    """A loaded checkpoint. Not to be called from two threads at once.

    Attributes:
        vocabulary: the tokens that the columns of the emissions stand for.
        device, dtype, kernels: where, in which precision and by what it computes.
        parameters: how many weights it has.
        target_lang: the language of a multilingual checkpoint that was chosen; None for others.
    """

    target_lang: str | None = None

    def __init__(
        self,
        config: EncoderConfig,
        vocabulary: Vocabulary,
        encoder: Encoder,
        parameters: int,
    ) -> None:
        self._config = config
        self._encoder = encoder
        self.vocabulary = vocabulary
        self.parameters = parameters
        self.device = encoder.kernels.device.type
        self.dtype = encoder.kernels.number_format
        self.kernels = encoder.kernels.name
        self.hop = config.grid.hop
        self.receptive_field = config.grid.receptive_field
        self.do_normalize = config.do_normalize

    def frames(self, samples: int) -> int:
        """Returns the number of frames of so many samples; 0 below one receptive field."""
        return self._config.grid.frames(samples)

    def encode(self, windows: Sequence[Array]) -> list[Array]:
        """Returns the emissions of prepared waveforms.

        Args:
            windows: float32 [samples] at 16 kHz each, already normalised where `do_normalize`.

        Returns:
            float32 [frames, vocabulary] natural-log probabilities each, in the order given.

        Raises:
            AudioError: a waveform is shorter than one receptive field.
            EncodingError: the network's output is not finite.
        """
        for window in windows:
            if len(window) < self.receptive_field:
                raise AudioError(
                    f"the waveform has {len(window)} samples; the shortest that the model takes"
                    f" has {self.receptive_field}"
                )
        answers = self._encoder(windows) if windows else []
        for emissions in answers:
            if not torch.isfinite(emissions).all():
                raise EncodingError(
                    "the model's output is not finite for this audio; float32 may help"
                    " (NORDLYD_DTYPE=float32)"
                )
        return [emissions.numpy() for emissions in answers]

    def emissions(self, waveforms: Sequence[Array]) -> list[Array]:
        """Returns the emissions of raw waveforms, normalised as the checkpoint expects.

        Args and errors as for `encode`, but for the waveforms being raw, any scale.
        """
        return self.encode([self.prepare(waveform) for waveform in waveforms])

    def prepare(self, waveform: Array) -> Array:
        """Returns a raw waveform, float32 [samples], normalised; windows are cut from it."""
        raw = np.asarray(waveform, dtype=np.float32)
        if not self.do_normalize or raw.size == 0:
            return raw
        # Statistics in float64: a long recording's float32 sums lose its mean.
        mean, variance = raw.mean(dtype=np.float64), raw.var(dtype=np.float64)
        return ((raw - np.float32(mean)) / np.float32(np.sqrt(variance + 1e-7))).astype(np.float32)


def load_checkpoint(
    folder: str | Path,
    device: str = "cpu",
    dtype: str = "float32",
    *,
    int8: bool = False,
    kernels: str = "auto",
    target_lang: str | None = None,
) -> AcousticModel:
    """Loads a checkpoint with a CTC head, of any family and layout that `docs/models.md` lists.

    Args:
        folder: holds config.json, weights, vocab.json and the feature extractor's settings.
        device: auto, cuda, mps or cpu.
        dtype: auto, float32, bfloat16 or float16.
        int8: run the transformer's linear layers in dynamic int8 (CPU only).
        kernels: auto for the fastest that this CPU runs, or amx, avx512, avx2, neon or torch.
        target_lang: code of the language whose adapter and vocabulary a multilingual checkpoint
            is to use; None takes that of its tokenizer.

    Raises:
        CheckpointError: the folder is no CTC checkpoint; the message names what differs.
        ConfigurationError: device, kernels or precision is not available here.
    """
    path = Path(folder)
    config, adapter, vocabulary = _read_head(path, target_lang)
    chosen = choose_kernels(config, resolve_device(device), dtype, int8=int8, kernels=kernels)
    weights = under_one_name(path, read_weights(path), config) | adapter.weights
    check_weights(path, weights, config)
    model = assemble(config, vocabulary, weights, chosen)
    model.target_lang = adapter.code
    return model


def read_outline(folder: str | Path, target_lang: str | None = None) -> Outline:
    """Reads what a checkpoint's emissions are like, without its weights.

    Args:
        folder: as of `load_checkpoint`.
        target_lang: as of `load_checkpoint`.

    Raises:
        CheckpointError: the folder is no CTC checkpoint; the message names what differs.
    """
    config, _, vocabulary = _read_head(Path(folder), target_lang)
    grid = config.grid
    return Outline(grid.hop, grid.receptive_field, config.do_normalize, vocabulary)


def _read_head(path: Path, target_lang: str | None) -> tuple[EncoderConfig, Adapter, Vocabulary]:
    config = read_config(path)
    adapter = read_adapter(path, config, target_lang)
    if adapter.weights:
        # Each language has a head of its own width.
        config = replace(config, vocab_size=len(adapter.weights["lm_head.weight"]))
    vocabulary = read_vocabulary(
        path,
        head_size=config.vocab_size,
        pad_token_id=config.pad_token_id,
        target_lang=adapter.code,
    )
    return config, adapter, written_vocabulary(path, vocabulary)


def assemble(
    config: EncoderConfig,
    vocabulary: Vocabulary,
    weights: dict[str, torch.Tensor],
    kernels: Kernels,
) -> AcousticModel:
    """Builds the model from parts that are already there; `weights` is emptied."""
    parameters = sum(weight.numel() for weight in weights.values())
    encoder = Encoder(config, weights, kernels)
    return AcousticModel(config, vocabulary, encoder, parameters)
