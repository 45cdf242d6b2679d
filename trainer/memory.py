"""Computes the parameters and the memory of a training from a model's shape, without torch.

The activations are those that autograd keeps for the backward pass, tensor by tensor as
transformers' `Wav2Vec2ForCTC` makes them. A test holds the sum against the tensors a real model
saves. What an allocator adds by rounding and fragmentation is not in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, prod
from typing import Literal

from app.audio.frames import FrameGrid
from trainer.recipe import AdaptationRecipe, ModelRecipe
from trainer.recipe_rules import SAMPLE_RATE, frames

Device = Literal["cuda", "cpu"]

_FLOAT = 4
_HALF = 2
_ADAM_STATES = 2
STATE_BLOCK = 256
"""Neighbours in a row that share a scale in the states of the 8-bit AdamW."""


@dataclass(frozen=True, slots=True)
class BatchShape:
    """Rows of equal length, the largest batch a device meets; `seconds` is one row."""

    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on each device while training.

    `weight_copies` are the 16-bit copies that mixed precision makes of the matrices, `extractor`
    is the largest moment of a frozen extractor, which keeps nothing for the backward pass. Where
    devices hold a part of the model each, `gathered` is what one has of the others' at a time.
    """

    weights: int
    gradients: int
    optimiser: int
    weight_copies: int
    activations: int
    extractor: int
    gathered: int = 0

    @property
    def total(self) -> int:
        """Everything at once: more than is ever there together, by up to the gradients."""
        fixed = self.weights + self.gradients + self.optimiser + self.weight_copies
        return fixed + self.gathered + max(self.activations, self.extractor)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Weights of a model: all of them, those that are trained, those in matrix products."""

    total: int
    trainable: int
    matrices: int


def count_parameters(model: ModelRecipe, adaptation: AdaptationRecipe | None = None) -> Parameters:
    """Returns how many weights `Wav2Vec2ForCTC` of this shape has, with those of LoRA; exact."""
    hidden, inner = model.hidden_size, model.intermediate_size
    channels = (1, *model.conv_dim)
    kernels = sum(
        before * after * kernel
        for before, after, kernel in zip(channels, channels[1:], model.conv_kernel, strict=False)
    )
    extractor = kernels + sum(3 * channel for channel in model.conv_dim)
    last = model.conv_dim[-1]
    position = hidden * hidden // model.position_groups * model.position_kernel
    layer = _matrices_of_layer(model)
    head = hidden * model.vocabulary_size
    matrices = last * hidden + position + model.layers * layer + head
    small = (
        2 * last  # norm before the projection
        + hidden  # bias of the projection
        + model.position_kernel  # lengths of the position weights
        + hidden  # bias of the positions
        + model.layers * (9 * hidden + inner)  # two norms and six biases
        + 2 * hidden  # last norm
        + model.vocabulary_size  # bias of the head
    )
    if model.mask_time_prob or model.mask_feature_prob:
        small += hidden  # what masked frames are replaced with
    total = extractor + matrices + small
    if adaptation is not None and adaptation.lora_rank:
        added = model.layers * adaptation.lora_rank * (10 * hidden + 2 * inner)
        trainable = added + head + model.vocabulary_size
        return Parameters(total + added, trainable, kernels + matrices)
    frozen = extractor if model.freeze_feature_encoder else 0
    return Parameters(total=total, trainable=total - frozen, matrices=kernels + matrices)


def training_memory(
    model: ModelRecipe,
    batch: BatchShape,
    *,
    half: bool,
    device: Device,
    checkpointing: bool,
    adaptation: AdaptationRecipe | None = None,
    shards: int = 1,
) -> Memory:
    """Returns the memory of training; weights are kept in fp32, as are the states of AdamW.

    Args:
        model: the shape.
        batch: the largest batch of one device.
        half: 16-bit activations, as in fp16 and bf16.
        device: on CUDA norms stay in fp32 and attention keeps no matrix of frames by frames; on a
            CPU it is the other way round.
        checkpointing: keep the input of each layer only, and the inside of one at a time.
        adaptation: the optimiser, and whether LoRA trains; None is AdamW on every weight.
        shards: parts that the model is divided in, one a device.
    """
    count = count_parameters(model, adaptation)
    activations = saved_activations(
        model, batch, half=half, device=device, checkpointing=checkpointing
    )
    if adaptation is not None and adaptation.lora_rank:
        # The sum of a matrix and its low-rank one, in fp32, of each layer whose inside is kept.
        kept = 1 if checkpointing else model.layers
        activations += _FLOAT * kept * _matrices_of_layer(model)
    return Memory(
        weights=ceil(_FLOAT * count.total / shards),
        gradients=ceil(_FLOAT * count.trainable / shards),
        optimiser=ceil(_optimiser(model, count.trainable, adaptation) / shards),
        weight_copies=_HALF * count.matrices if half else 0,
        activations=activations,
        extractor=_frozen_extractor(model, batch, half=half, device=device),
        gathered=_gathered(model, count, adaptation) if shards > 1 else 0,
    )


def _matrices_of_layer(model: ModelRecipe) -> int:
    return 4 * model.hidden_size**2 + 2 * model.hidden_size * model.intermediate_size


def _optimiser(model: ModelRecipe, trainable: int, adaptation: AdaptationRecipe | None) -> int:
    """Returns the bytes of an optimiser's states."""
    kind = adaptation.optimiser if adaptation else "adamw"
    if kind == "adamw":
        return _ADAM_STATES * _FLOAT * trainable
    shapes = list(_trained_matrices(model, adaptation))
    if kind == "adafactor":
        inside = sum(count * prod(shape) for count, shape in shapes)
        kept = sum(count * (prod(shape[:-1]) + prod(shape) // shape[-2]) for count, shape in shapes)
        return _FLOAT * (trainable - inside + kept)
    quantised = [(count, shape) for count, shape in shapes if prod(shape) > max(shape)]
    codes = sum(count * prod(shape) for count, shape in quantised)
    scales = sum(
        count * shape[0] * ceil(prod(shape[1:]) / STATE_BLOCK) for count, shape in quantised
    )
    return _ADAM_STATES * (codes + _FLOAT * (scales + trainable - codes))


def _trained_matrices(
    model: ModelRecipe, adaptation: AdaptationRecipe | None
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yields the shapes of the weights that are trained and no vectors, and how many of each."""
    hidden, inner = model.hidden_size, model.intermediate_size
    yield 1, (model.vocabulary_size, hidden)
    if adaptation is not None and (rank := adaptation.lora_rank):
        yield 5 * model.layers, (rank, hidden)
        yield 5 * model.layers, (hidden, rank)
        yield model.layers, (rank, inner)
        yield model.layers, (inner, rank)
        return
    yield 4 * model.layers, (hidden, hidden)
    yield model.layers, (inner, hidden)
    yield model.layers, (hidden, inner)
    yield 1, (hidden, model.conv_dim[-1])
    yield 1, (hidden, hidden // model.position_groups, model.position_kernel)
    if not model.freeze_feature_encoder:
        channels = (1, *model.conv_dim)
        for before, after, kernel in zip(channels, channels[1:], model.conv_kernel, strict=False):
            yield 1, (after, before, kernel)


def _gathered(model: ModelRecipe, count: Parameters, adaptation: AdaptationRecipe | None) -> int:
    """Returns the bytes of the weights and gradients that a device has whole for a moment.

    These are what lies around the layers, and of the layers one that is computed, one that is
    fetched, and the buffers of both.
    """
    rank = adaptation.lora_rank if adaptation else 0
    added = rank * (10 * model.hidden_size + 2 * model.intermediate_size)
    small = 9 * model.hidden_size + model.intermediate_size
    layer = _matrices_of_layer(model) + small + added
    trained = added if rank else layer
    around = count.total - model.layers * layer
    around_trained = count.trainable - model.layers * trained
    return _FLOAT * (around + around_trained + 3 * layer + 2 * trained)


def saved_activations(
    model: ModelRecipe, batch: BatchShape, *, half: bool, device: Device, checkpointing: bool
) -> int:
    """Returns the bytes that autograd keeps from the forward pass of a batch."""
    size = _HALF if half else _FLOAT
    length = frames(model, batch.seconds)
    tokens = batch.rows * length
    layer = _layer(model, batch.rows, length, size=size, device=device)
    if checkpointing:
        residual = _FLOAT if device == "cuda" else size
        layers = model.layers * tokens * model.hidden_size * residual + layer
    else:
        layers = model.layers * layer
    return layers + _around_layers(model, tokens, size) + _extractor(model, batch, size)


def _layer(model: ModelRecipe, rows: int, length: int, *, size: int, device: Device) -> int:
    """What one transformer layer keeps; `size` is the bytes of an activation."""
    tokens, hidden, inner = rows * length, model.hidden_size, model.intermediate_size
    cuda = device == "cuda"
    norm = _FLOAT if cuda else size
    mask = 1 if cuda else size  # CUDA keeps a dropout mask as bits in bytes, a CPU as factors
    statistics = 4 * tokens * _FLOAT
    norm_inputs = 2 * tokens * hidden * norm
    # Inputs of the query, key and value products (mixed precision on CUDA converts each), of the
    # output product and of the feed-forward; and query, key and value themselves.
    copies = 3 if cuda and size == _HALF else 1
    products = (copies + 2 + 3) * tokens * hidden * size
    feed_forward = 2 * tokens * inner * size
    masks = 2 * tokens * hidden * mask if model.hidden_dropout else 0
    masks += tokens * inner * mask if model.activation_dropout else 0
    if cuda:
        attention = rows * model.heads * length * _FLOAT
    else:
        kept = 3 if model.attention_dropout else 1
        attention = kept * rows * model.heads * length * length * size
    return statistics + norm_inputs + products + feed_forward + masks + attention


def _around_layers(model: ModelRecipe, tokens: int, size: int) -> int:
    """Projection, positions, last norm, head and log-softmax (in fp32)."""
    masks = bool(model.feat_proj_dropout) + bool(model.hidden_dropout)
    hidden = (4 + masks) * tokens * model.hidden_size * size + tokens * model.hidden_size
    projection = 2 * tokens * model.conv_dim[-1] * size
    position = model.hidden_size * model.hidden_size // model.position_groups
    weights = position * model.position_kernel * size
    return hidden + projection + weights + _FLOAT * tokens * (model.vocabulary_size + 4)


def _extractor(model: ModelRecipe, batch: BatchShape, size: int) -> int:
    """Input of each convolution, of its norm and of its GELU; nothing where it is frozen."""
    if model.freeze_feature_encoder:
        return 0
    samples = round(batch.rows * batch.seconds * SAMPLE_RATE) * size
    lengths = _lengths(model, batch.seconds)
    kept = sum(
        length * (3 * channels * size + 2 * _FLOAT)
        for length, channels in zip(lengths, model.conv_dim, strict=True)
    )
    return samples + batch.rows * kept


def _frozen_extractor(model: ModelRecipe, batch: BatchShape, *, half: bool, device: Device) -> int:
    """A convolution's output before and after its norm and after its GELU, at the largest."""
    if not model.freeze_feature_encoder:
        return 0
    size = _HALF if half else _FLOAT
    norm = _FLOAT if device == "cuda" else size
    lengths = _lengths(model, batch.seconds)
    widest = max(
        length * channels for length, channels in zip(lengths, model.conv_dim, strict=True)
    )
    return batch.rows * widest * (2 * size + norm)


def _lengths(model: ModelRecipe, seconds: float) -> list[int]:
    lengths = [round(seconds * SAMPLE_RATE)]
    for kernel, stride in zip(model.conv_kernel, model.conv_stride, strict=True):
        lengths.append(FrameGrid(hop=stride, receptive_field=kernel).frames(lengths[-1]))
    return lengths[1:]
