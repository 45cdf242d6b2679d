"""The network for training computes what transformers computes, forwards and backwards."""

from dataclasses import replace

import pytest
import torch
from transformers import Wav2Vec2ForCTC

from trainer.model import random_model
from trainer.recipe import ModelRecipe, Recipe
from trainer.training.dropout import dropout
from trainer.training.framing import Framing
from trainer.training.loss import autocast
from trainer.training.network import CtcNetwork

CPU = torch.device("cpu")
WAVES = torch.randn(2, 9001, generator=torch.Generator().manual_seed(1))
LENGTHS = (9001, 6000)


def stock_logits(model: Wav2Vec2ForCTC) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Returns the logits of transformers and the gradients of their mean square."""
    mask = torch.ones(2, 9001, dtype=torch.long)
    mask[1, LENGTHS[1] :] = 0
    logits = model(WAVES, attention_mask=mask).logits
    score(logits, model).backward()
    gradients = {
        name: value.grad.clone()
        for name, value in model.named_parameters()
        if value.grad is not None
    }
    model.zero_grad()
    return logits.detach(), gradients


def frames(model: Wav2Vec2ForCTC) -> torch.Tensor:
    framing = Framing.of(model.config)
    return torch.tensor([framing.frames(length) for length in LENGTHS])


def score(logits: torch.Tensor, model: Wav2Vec2ForCTC) -> torch.Tensor:
    return sum(row[:count].square().sum() for row, count in zip(logits, frames(model), strict=True))


def shapes(model: ModelRecipe) -> list[ModelRecipe]:
    return [
        model,
        replace(model, conv_kernel=(20, 7, 8, 2)),  # kernels of one to two strides
        replace(
            model, conv_dim=(32, 32, 32, 32), conv_kernel=(10, 3, 3, 2), conv_stride=(5, 2, 2, 2)
        ),
    ]


@pytest.mark.parametrize("shape", range(3))
@pytest.mark.parametrize("frozen", [False, True])
def test_logits_and_gradients_are_those_of_transformers(
    recipe: Recipe, shape: int, frozen: bool
) -> None:
    model = random_model(shapes(recipe.model)[shape], seed=1).eval()
    if frozen:
        model.freeze_feature_encoder()
    expected, gradients = stock_logits(model)
    ours = CtcNetwork(model, CPU).eval()(WAVES, frames(model))
    score(ours, model).backward()
    for row, other, count in zip(ours, expected, frames(model), strict=True):
        assert torch.allclose(row[:count], other[:count], atol=1e-5)
    found = {n: v.grad for n, v in model.named_parameters() if v.grad is not None}
    assert found.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert torch.allclose(found[name], gradient, atol=1e-4, rtol=1e-3), name
    assert frozen != any("feature_extractor" in name for name in found)


def test_post_norm_model_with_group_norm_trains(recipe: Recipe) -> None:
    model = random_model(recipe.model, seed=1)
    config = model.config
    config.feat_extract_norm, config.do_stable_layer_norm, config.conv_bias = "group", False, False
    model = Wav2Vec2ForCTC(config).eval()
    expected, gradients = stock_logits(model)
    ours = CtcNetwork(model, CPU).eval()(WAVES, frames(model))
    score(ours, model).backward()
    assert torch.allclose(ours[0], expected[0], atol=1e-5)
    for name, value in model.named_parameters():
        if name in gradients:
            assert torch.allclose(value.grad, gradients[name], atol=1e-4, rtol=1e-3), name


def test_frozen_front_end_in_bf16_is_close_to_fp32_without_gradient(recipe: Recipe) -> None:
    # Widths that the service's compiled kernels take, where the CPU has them.
    wide = replace(recipe.model, conv_dim=(32,) * 4, hidden_size=64, position_groups=2)
    model = random_model(wide, seed=1)
    model.freeze_feature_encoder()
    with torch.no_grad():
        expected = model.wav2vec2.feature_extractor(WAVES).transpose(1, 2)
    extractor = CtcNetwork(model, CPU).model.wav2vec2.feature_extractor
    with autocast("bf16", CPU):
        features = extractor(WAVES)
    assert features.dtype == torch.bfloat16
    assert not features.requires_grad
    assert features.shape == expected.shape
    assert (features - expected).abs().mean() < 0.03 * expected.abs().mean()


def test_specaugment_masked_frames_do_not_affect_output(recipe: Recipe) -> None:
    model = random_model(recipe.model, seed=1).eval()
    network = CtcNetwork(model, CPU).eval()
    count = int(frames(model)[0])
    everything = torch.ones(2, count, dtype=torch.bool)
    with torch.no_grad():
        hidden = network(WAVES, frames(model), everything)
        other = network(WAVES.flip(1), frames(model), everything)
        assert torch.allclose(hidden, other)
        channels = torch.ones(2, recipe.model.hidden_size, dtype=torch.bool)
        assert torch.allclose(
            network(WAVES, frames(model), None, channels),
            network(WAVES.flip(1), frames(model), None, channels),
        )


def test_gradient_checkpointing_gives_equal_gradients(recipe: Recipe) -> None:
    found: list[dict[str, torch.Tensor]] = []
    for checkpointing in (False, True):
        model = random_model(
            replace(recipe.model, hidden_dropout=0.3, attention_dropout=0.2), seed=1
        )
        network = CtcNetwork(model, CPU, recompute=checkpointing).train()
        torch.manual_seed(7)
        score(network(WAVES, frames(model)), model).backward()
        found.append({n: v.grad for n, v in model.named_parameters() if v.grad is not None})
    for name, gradient in found[0].items():
        assert torch.allclose(found[1][name], gradient, atol=1e-5), name


def test_dropout_has_its_rate_and_keeps_the_mean() -> None:
    for shape in ((1000, 101), (7,)):
        values = torch.ones(shape, requires_grad=True)
        torch.manual_seed(3)
        dropped = dropout(values, 0.1, training=True)
        assert dropped[dropped != 0].tolist() == pytest.approx(
            [1 / 0.9] * int((dropped != 0).sum())
        )
        dropped.sum().backward()
        assert torch.equal(values.grad, dropped.detach())
        torch.manual_seed(3)
        assert torch.equal(dropout(values, 0.1, training=True), dropped)
    assert dropout(values, 0.1, training=False) is values
    many = dropout(torch.ones(1000, 1000), 0.047, training=True)
    assert (many == 0).float().mean().item() == pytest.approx(0.047, abs=1e-3)
    assert many.mean().item() == pytest.approx(1, abs=1e-3)
