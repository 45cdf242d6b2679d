"""Our encoder against transformers' own CTC models, on the same checkpoint folders."""

import numpy as np
import pytest
import torch
from acoustic_kernels import kernels_here, model_on
from checkpoints import SHAPES
from transformers import Wav2Vec2FeatureExtractor

from app.acoustic import load_checkpoint

# The shortest legal input, one more sample, both sides of a second frame, and odd lengths.
LENGTHS = [400, 401, 719, 720, 8_000, 15_999, 24_321]
TOLERANCE = 1e-4
MAKERS, _ = kernels_here()


def speechlike(samples: int, seed: int) -> np.ndarray:
    """Noise that swells and fades, with an offset and a scale that normalisation must undo."""
    rng = np.random.default_rng(seed)
    swell = 0.2 + np.abs(np.sin(np.arange(samples) / 2_000))
    return (0.03 + 0.1 * swell * rng.standard_normal(samples)).astype(np.float32)


def stock_log_probabilities(model, folder, waveforms, *, masked: bool) -> list[np.ndarray]:
    """What transformers answers for a padded batch, cut to each utterance's own frames."""
    features = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=masked)
    batch = features(waveforms, sampling_rate=16_000, padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = model(**batch).logits
    lengths = model._get_feat_extract_output_lengths(torch.tensor([len(w) for w in waveforms]))
    rows = logits.log_softmax(dim=-1)
    return [row[:length].numpy() for row, length in zip(rows, lengths, strict=True)]


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        *((shape, "today") for shape in SHAPES),
        *((shape, "2022") for shape in ("xls-r", "base", "hubert-large", "data2vec-audio")),
    ],
)
def test_one_utterance_of_any_length_matches(checkpoint, shape, layout):
    folder, model = checkpoint(shape, layout)
    ours = load_checkpoint(folder)
    for length in LENGTHS:
        waveform = speechlike(length, seed=length)
        expected = stock_log_probabilities(model, folder, [waveform], masked=False)[0]
        (emissions,) = ours.emissions([waveform])
        assert emissions.shape == expected.shape
        assert emissions.dtype == np.float32
        np.testing.assert_allclose(emissions, expected, atol=TOLERANCE, rtol=0)


# data2vec's stacked convolutions let padding into what stock transformers answers, mask or not.
@pytest.mark.parametrize(
    "shape",
    [
        name
        for name, options in SHAPES.items()
        if options["feat_extract_norm"] == "layer" and options.get("family") != "data2vec-audio"
    ],
)
def test_padded_batch_matches_for_models_that_take_a_mask(checkpoint, shape):
    folder, model = checkpoint(shape)
    waveforms = [speechlike(length, seed=i) for i, length in enumerate([9_000, 400, 20_001, 9_000])]
    expected = stock_log_probabilities(model, folder, waveforms, masked=True)
    for ours, stock in zip(load_checkpoint(folder).emissions(waveforms), expected, strict=True):
        np.testing.assert_allclose(ours, stock, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    "shape", ["base", "group-stable", "hubert-base", "unispeech-sat", "data2vec-audio"]
)
def test_batch_matches_each_utterance_alone_for_models_without_a_mask(checkpoint, shape):
    # Such a model's group norm (data2vec's convolutions) runs over the padding too: stock answers
    # change with the batch.
    # Ours are those that stock transformers gives for each utterance by itself.
    folder, model = checkpoint(shape)
    waveforms = [speechlike(length, seed=i) for i, length in enumerate([9_000, 400, 20_001, 9_000])]
    for ours, waveform in zip(load_checkpoint(folder).emissions(waveforms), waveforms, strict=True):
        stock = stock_log_probabilities(model, folder, [waveform], masked=False)[0]
        np.testing.assert_allclose(ours, stock, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("kernels", [name for name in MAKERS if name.endswith("float32")])
@pytest.mark.parametrize("shape", ["xls-r", "base", "mms", "wide-heads", "odd-positional"])
def test_fp32_of_all_kernels_matches(checkpoint, shape, kernels):
    folder, model = checkpoint(shape)
    waveform = speechlike(8_000, seed=2)
    expected = stock_log_probabilities(model, folder, [waveform], masked=False)[0]
    (ours,) = model_on(folder, MAKERS[kernels]()).emissions([waveform])
    np.testing.assert_allclose(ours, expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("kernels", [name for name in MAKERS if name.endswith("bfloat16")])
@pytest.mark.parametrize(
    "shape",
    [
        "xls-r",
        "xls-r-unbiased",
        "base",
        "layer-post",
        "mms",
        "wide-heads",
        "hubert-unnormed",
        "data2vec-audio",
    ],
)
def test_bf16_is_as_close_to_fp32_as_the_bf16_of_transformers(checkpoint, shape, kernels):
    folder, model = checkpoint(shape)
    waveform = speechlike(24_321, seed=3)
    exact = stock_log_probabilities(model, folder, [waveform], masked=False)[0]
    features = Wav2Vec2FeatureExtractor(do_normalize=True)(
        waveform, sampling_rate=16_000, return_tensors="pt"
    ).input_values
    half = type(model)(model.config).to(torch.bfloat16).eval()
    half.load_state_dict(model.state_dict())
    with torch.inference_mode():
        stock = half(features.bfloat16()).logits[0].float().log_softmax(dim=-1).numpy()
    (ours,) = model_on(folder, MAKERS[kernels]()).emissions([waveform])
    assert np.abs(ours - exact).mean() <= 1.1 * np.abs(stock - exact).mean()


@pytest.mark.parametrize("kernels", [name for name in MAKERS if name.endswith("int8")])
@pytest.mark.parametrize(
    "shape",
    ["xls-r", "base", "layer-post", "mms", "wide-heads", "hubert-unnormed", "data2vec-audio"],
)
def test_int8_is_close_to_fp32(checkpoint, shape, kernels):
    folder, model = checkpoint(shape)
    waveform = speechlike(24_321, seed=4)
    exact = stock_log_probabilities(model, folder, [waveform], masked=False)[0]
    (ours,) = model_on(folder, MAKERS[kernels]()).emissions([waveform])
    assert np.abs(ours - exact).max() < 0.15
    second, first = np.sort(exact, axis=1)[:, -2:].T
    clear = first - second > 0.3
    assert clear.any()
    assert (ours.argmax(axis=1) == exact.argmax(axis=1))[clear].all()


@pytest.mark.cuda
@pytest.mark.parametrize("shape", SHAPES)
def test_fp16_on_cuda_is_close_to_fp32(checkpoint, shape):
    folder, model = checkpoint(shape)
    waveforms = [speechlike(length, seed=length) for length in LENGTHS]
    exact = [
        stock_log_probabilities(model, folder, [waveform], masked=False)[0]
        for waveform in waveforms
    ]
    for ours, stock in zip(
        load_checkpoint(folder, device="cuda", dtype="auto").emissions(waveforms),
        exact,
        strict=True,
    ):
        np.testing.assert_allclose(ours, stock, atol=0.05, rtol=0)
