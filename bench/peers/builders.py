"""How each candidate is built and run; only a worker process imports this."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers
from torch.nn import functional

from app.acoustic.checkpoint import AcousticModel, assemble
from app.acoustic.choice import choose_kernels
from app.acoustic.config import EncoderConfig, make_config
from app.acoustic.device import resolve_device
from app.acoustic.weights import renamed
from app.audio.frames import FrameGrid
from bench.peers.candidate import DTYPES, Spec
from bench.shapes import SHAPES, stock_model, vocabulary

Waveform = npt.NDArray[np.float32]
# Waveforms → log-probabilities of each, or nothing where there are none.
Run = Callable[[Sequence[Waveform]], list[npt.NDArray[np.float32]]]


def build(spec: Spec) -> tuple[Run, dict[str, str]]:
    """The candidate, loaded, and what is worth knowing of it: kernels, format, version."""
    return _BUILDERS[spec.kind](spec)


def build_ours(shape: str, dtype: str, device: str, kernels: str = "auto") -> AcousticModel:
    """Our model in that shape, with the same random weights as `stock_model`."""
    config = make_config(SHAPES[shape], {"do_normalize": True})
    weights = renamed(dict(stock_model(shape, torch.float32).state_dict()))
    precision = "auto" if dtype == "int8" else DTYPES.get(dtype, dtype)
    where, int8 = resolve_device(device), dtype == "int8"
    chosen = choose_kernels(config, where, precision, int8=int8, kernels=kernels)
    return assemble(config, vocabulary(shape), weights, chosen)


def _ours(spec: Spec) -> tuple[Run, dict[str, str]]:
    model = build_ours(spec.shape, spec.dtype, spec.device, spec.kernels)
    return model.encode, {"kernels": model.kernels, "format": model.dtype}


def _transformers(spec: Spec) -> tuple[Run, dict[str, str]]:
    device, dtype = resolve_device(spec.device), getattr(torch, DTYPES[spec.dtype])
    model: Any = stock_model(spec.shape, dtype).to(device)
    if spec.compiled:
        model = torch.compile(model)
    takes_mask = SHAPES[spec.shape]["feat_extract_norm"] == "layer"
    config = make_config(SHAPES[spec.shape], {})

    @torch.inference_mode()
    def run(waveforms: Sequence[Waveform]) -> list[npt.NDArray[np.float32]]:
        lengths = [len(waveform) for waveform in waveforms]
        padded = np.zeros((len(waveforms), max(lengths)), dtype=np.float32)
        for row, waveform in zip(padded, waveforms, strict=True):
            row[: len(waveform)] = waveform
        values = torch.from_numpy(padded).to(device=device, dtype=dtype)
        mask = None
        if takes_mask and min(lengths) != max(lengths):
            reach = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
            mask = reach.long().to(device)
        rows = model(values, attention_mask=mask).logits.float().log_softmax(dim=-1).cpu().numpy()
        return [
            row[: config.grid.frames(length)] for row, length in zip(rows, lengths, strict=True)
        ]

    return run, {"format": spec.dtype, "version": transformers.__version__}


def _products(spec: Spec) -> tuple[Run, dict[str, str]]:
    """The model's matrix products by torch, on contiguous operands, and nothing else."""
    config = make_config(SHAPES[spec.shape], {})
    device, dtype = resolve_device(spec.device), getattr(torch, DTYPES[spec.dtype])
    made: dict[tuple[int, ...], Callable[[], None]] = {}

    def run(waveforms: Sequence[Waveform]) -> list[npt.NDArray[np.float32]]:
        lengths = tuple(len(waveform) for waveform in waveforms)
        if lengths not in made:
            made.clear()
            made[lengths] = products(config, lengths[0], len(lengths), dtype, device)
        made[lengths]()
        return []

    return run, {"format": spec.dtype}


def products(
    config: EncoderConfig, samples: int, batch: int, dtype: torch.dtype, device: torch.device
) -> Callable[[], None]:
    """A function that multiplies what the model multiplies for such a batch, once a call."""
    shapes: list[tuple[int, int, int]] = []
    frames, channels = samples, 1
    for width, kernel, stride in config.conv_layers:
        frames = FrameGrid(hop=stride, receptive_field=kernel).frames(frames)
        shapes.append((frames * batch, channels * kernel, width))
        channels = width
    rows, hidden = frames * batch, config.hidden_size
    shapes.append((rows, channels, hidden))
    for _ in range(config.layers):
        shapes += [
            (rows, hidden, 3 * hidden),
            (rows, hidden, hidden),
            (rows, hidden, config.intermediate_size),
            (rows, config.intermediate_size, hidden),
        ]
    shapes.append((rows, hidden, config.vocab_size))

    def filled(*size: int) -> torch.Tensor:
        return torch.randn(*size, device=device).to(dtype)

    inputs = {(m, k): filled(m, k) for m, k, _ in shapes}
    # Every layer its own weights: they do not stay in cache from one layer to the next.
    linear = [(inputs[m, k], filled(n, k)) for m, k, n in shapes]
    heads, width = batch * config.heads, hidden // config.heads
    query, key = filled(heads, frames, width), filled(heads, width, frames)
    scores, value = filled(heads, frames, frames), filled(heads, frames, width)
    groups, inside = config.pos_conv_groups, hidden // config.pos_conv_groups
    windows = filled(groups, rows, inside * config.pos_conv_kernel)
    kernels = filled(groups, inside * config.pos_conv_kernel, inside)

    @torch.inference_mode()
    def run() -> None:
        for x, weight in linear:
            functional.linear(x, weight)
        for _ in range(config.layers):
            torch.bmm(query, key)
            torch.bmm(scores, value)
        # Reading one value waits for a device that computes by itself.
        torch.bmm(windows, kernels)[0, 0, 0].item()

    return run


def _onnxruntime(spec: Spec) -> tuple[Run, dict[str, str]]:
    import onnxruntime  # noqa: PLC0415 - of the extra `bench`

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = spec.threads
    session = onnxruntime.InferenceSession(_file(spec), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(waveforms: Sequence[Waveform]) -> list[npt.NDArray[np.float32]]:
        return _log_softmax(session.run(None, {name: np.stack(waveforms)})[0])

    return run, {"format": spec.dtype, "version": onnxruntime.__version__}


def _openvino(spec: Spec) -> tuple[Run, dict[str, str]]:
    import openvino  # noqa: PLC0415 - of the extra `bench`

    settings = {"INFERENCE_NUM_THREADS": spec.threads, "PERFORMANCE_HINT": "LATENCY"}
    if spec.dtype == "fp32":
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    compiled = openvino.Core().compile_model(_file(spec), "CPU", settings)
    # By itself it takes bf16 where the CPU multiplies it, and fp32 elsewhere.
    chosen = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if spec.dtype == "bf16" and chosen == "f32":
        raise RuntimeError("it does not take bf16 on this CPU")

    def run(waveforms: Sequence[Waveform]) -> list[npt.NDArray[np.float32]]:
        return _log_softmax(compiled([np.stack(waveforms)])[0])

    return run, {"format": spec.dtype, "version": openvino.__version__.split("-")[0]}


def _ctranslate2(spec: Spec) -> tuple[Run, dict[str, str]]:
    import ctranslate2  # noqa: PLC0415 - of the extra `bench`

    model = ctranslate2.models.Wav2Vec2(
        _file(spec), compute_type=spec.dtype, intra_threads=spec.threads
    )

    def run(waveforms: Sequence[Waveform]) -> list[npt.NDArray[np.float32]]:
        features = ctranslate2.StorageView.from_array(np.stack(waveforms)[:, None])
        return _log_softmax(np.asarray(model.encode(features, to_cpu=True)))

    return run, {"format": spec.dtype, "version": ctranslate2.__version__}


def _file(spec: Spec) -> str:
    if spec.file is None:
        raise ValueError(f"{spec.kind} runs an exported model")
    return spec.file


def _log_softmax(logits: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return list(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


_BUILDERS: dict[str, Callable[[Spec], tuple[Run, dict[str, str]]]] = {
    "ours": _ours,
    "transformers": _transformers,
    "products": _products,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "ctranslate2": _ctranslate2,
}
