"""The kernels for accelerators, run on the CPU: exact, and free of loops over utterances."""

from collections import Counter

import numpy as np
import pytest
import torch
from checkpoints import SHAPES
from torch.profiler import ProfilerActivity, profile

from app.acoustic import load_checkpoint
from app.acoustic.checkpoint import assemble
from app.acoustic.config import read_config
from app.acoustic.encoder import Encoder
from app.acoustic.packed import PackedTorchKernels, has_flash
from app.acoustic.tokens import read_vocabulary
from app.acoustic.weights import read_weights, under_one_name

# Of every length about a hop and a receptive field, three of one length, and out of order.
LENGTHS = [9_000, 400, 401, 719, 720, 20_001, 9_000, 640, 16_000, 9_000, 15_999]


def kernels() -> PackedTorchKernels:
    return PackedTorchKernels(torch.device("cpu"), torch.float32)


def packed_model(folder):
    config = read_config(folder)
    words = read_vocabulary(folder, head_size=config.vocab_size, pad_token_id=config.pad_token_id)
    return assemble(config, words, weights_of(folder), kernels())


def packed_encoder(folder, chosen: PackedTorchKernels | None = None) -> Encoder:
    return Encoder(read_config(folder), weights_of(folder), chosen or kernels())


def weights_of(folder) -> dict[str, torch.Tensor]:
    return under_one_name(folder, read_weights(folder), read_config(folder))


def noise(lengths: list[int]) -> list[np.ndarray]:
    return [
        np.random.default_rng(seed).standard_normal(length).astype(np.float32)
        for seed, length in enumerate(lengths)
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_packed_batch_equals_each_utterance_alone_in_transformers(checkpoint, shape):
    folder, stock = checkpoint(shape)
    model = packed_model(folder)
    assert model.kernels == "torch-packed"
    waveforms = [model.prepare(waveform) for waveform in noise(LENGTHS)]
    for ours, waveform in zip(model.encode(waveforms), waveforms, strict=True):
        with torch.inference_mode():
            logits = stock(torch.from_numpy(waveform)[None]).logits[0]
        expected = logits.log_softmax(dim=-1).numpy()
        assert ours.shape == expected.shape
        np.testing.assert_allclose(ours, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", ["xls-r", "base", "wide-heads"])
def test_packed_kernels_agree_with_the_kernels_for_cpus(checkpoint, shape):
    folder, _ = checkpoint(shape)
    waveforms = noise(LENGTHS)
    reference = load_checkpoint(folder, kernels="torch").emissions(waveforms)
    for ours, expected in zip(packed_model(folder).emissions(waveforms), reference, strict=True):
        np.testing.assert_allclose(ours, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("shape", ["xls-r", "base"])
def test_more_audio_than_one_pack_holds_is_extracted_in_several(checkpoint, shape, monkeypatch):
    folder, _ = checkpoint(shape)
    model, waveforms = packed_model(folder), noise(LENGTHS)
    whole = model.emissions(waveforms)
    monkeypatch.setattr("app.acoustic.packing._MAX_SAMPLES", 10_000)
    for ours, expected in zip(model.emissions(waveforms), whole, strict=True):
        np.testing.assert_allclose(ours, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("shape", ["xls-r", "base"])
def test_non_finite_utterance_does_not_change_the_others(checkpoint, shape):
    folder, _ = checkpoint(shape)
    encoder, waveforms = packed_encoder(folder), noise(LENGTHS)
    sound = encoder(waveforms)
    waveforms[4] = np.full_like(waveforms[4], np.nan)
    for index, (emissions, expected) in enumerate(zip(encoder(waveforms), sound, strict=True)):
        if index == 4:
            assert emissions.isnan().any()
        else:
            torch.testing.assert_close(emissions, expected, atol=2e-5, rtol=0)


def calls(encoder: Encoder, lengths: list[int], activity: ProfilerActivity) -> Counter[str]:
    """How often each operator was called, or on a GPU how many kernels were launched."""
    waveforms = noise(lengths)
    encoder(waveforms)
    with profile(activities=[activity]) as seen:
        encoder(waveforms)
    counts = Counter({event.key: event.count for event in seen.key_averages()})
    # A view computes nothing; handing out the answers makes one for each utterance.
    del counts["aten::as_strided"]
    return counts


@pytest.mark.parametrize("shape", ["xls-r", "base", "data2vec-audio"])
def test_operator_calls_do_not_grow_with_the_number_of_utterances(checkpoint, shape):
    folder, _ = checkpoint(shape)
    encoder = packed_encoder(folder)
    many = [2_000 + 517 * index for index in range(12)]
    # The same amount of audio: torch's CPU convolutions use other algorithms for other sizes.
    few = [sum(many) // 2 - 800, sum(many) // 2 + 800]
    by_many = calls(encoder, many, ProfilerActivity.CPU)
    assert by_many["aten::scaled_dot_product_attention"] == 3
    assert by_many == calls(encoder, few, ProfilerActivity.CPU)


@pytest.mark.cuda
@pytest.mark.parametrize("shape", ["xls-r", "base", "mms", "wide-heads"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_kernel_launches_on_cuda_do_not_grow_with_the_number_of_utterances(
    checkpoint, shape, dtype
):
    folder, _ = checkpoint(shape)
    chosen = PackedTorchKernels(torch.device("cuda"), dtype)
    encoder = packed_encoder(folder, chosen)
    many = [2_000 + 517 * index for index in range(12)]
    few = [sum(many) // 2 - 800, sum(many) // 2 + 800]
    launches = [calls(encoder, lengths, ProfilerActivity.CUDA).total() for lengths in (few, many)]
    # A library may split one product in two for one shape and not for another.
    assert launches[1] <= launches[0] + 10


@pytest.mark.cuda
@pytest.mark.parametrize("shape", ["xls-r", "wide-heads"])
def test_variable_length_attention_agrees_with_padded_and_masked(checkpoint, shape, monkeypatch):
    folder, _ = checkpoint(shape)
    config, device = read_config(folder), torch.device("cuda")
    assert has_flash(device, torch.float16, config.hidden_size // config.heads)

    def run() -> list[torch.Tensor]:
        chosen = PackedTorchKernels(device, torch.float16)
        return packed_encoder(folder, chosen)(noise(LENGTHS))

    by_flash = run()
    monkeypatch.setattr("app.acoustic.packed.has_flash", lambda *_: False)
    for flash, padded in zip(by_flash, run(), strict=True):
        torch.testing.assert_close(flash, padded, atol=0.05, rtol=0)
