"""AdamW with states of eight bits: how near it is to AdamW, its size, and how it is resumed."""

import copy
import io

import pytest
import torch
from torch import nn

from trainer.training.adamw8bit import AdamW8bit, dequantised, quantised

NUMBERS = {"lr": 3e-3, "betas": (0.9, 0.98), "eps": 1e-8, "weight_decay": 0.01}


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(300, 64), nn.GELU(), nn.Linear(64, 8))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, first: int, last: int) -> float:
    """Makes the updates from one to another, and returns the last loss."""
    target = torch.linspace(-1, 1, 300 * 8).view(300, 8)
    loss = torch.zeros(())
    for step in range(first, last):
        samples = torch.randn(32, 300, generator=torch.Generator().manual_seed(step))
        loss = (model(samples) - torch.tanh(samples @ target)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


@pytest.mark.parametrize(("signed", "share"), [(True, 0.0075), (False, 0.004)])
@pytest.mark.parametrize("shape", [(4, 1000), (3, 5, 7)])
def test_values_are_kept_to_a_share_of_the_largest_of_their_block(
    shape: tuple[int, ...], share: float, *, signed: bool
) -> None:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    values[0] *= 1e-3
    values = values if signed else values.abs()
    codes, scales = quantised(values, signed=signed)
    assert (codes.shape, codes.dtype) == (values.shape, torch.uint8)
    kept = dequantised(codes, scales, signed=signed)
    largest = scales.repeat_interleave(256, 1)[:, : values[0].numel()].reshape(shape)
    assert bool((largest[0] < 1e-2).all())
    assert bool(((kept - values).abs() <= share * largest).all())


def test_device_without_a_row_keeps_nothing() -> None:
    codes, scales = quantised(torch.zeros(0, 300), signed=True)
    assert (codes.shape, scales.shape) == ((0, 300), (0, 2))
    assert dequantised(codes, scales, signed=True).shape == (0, 300)


def test_value_above_zero_is_not_rounded_to_zero() -> None:
    values = torch.tensor([[1.0, 1e-12, 0.0]])
    codes, scales = quantised(values, signed=False)
    kept = dequantised(codes, scales, signed=False)
    assert kept[0, 0] == 1
    assert kept[0, 1] > 0
    assert kept[0, 2] == 0


def test_training_reaches_nearly_the_loss_of_adamw() -> None:
    models = [network() for _ in range(2)]
    begun = train(copy.deepcopy(models[0]), torch.optim.SGD(models[0].parameters(), lr=0), 0, 1)
    losses = [
        train(model, kind(model.parameters(), **NUMBERS), 0, 150)
        for model, kind in zip(models, (torch.optim.AdamW, AdamW8bit), strict=True)
    ]
    assert losses[1] < 0.5 * begun
    assert losses[1] == pytest.approx(losses[0], rel=0.1)


def test_states_take_about_a_quarter_of_those_of_adamw() -> None:
    sizes = []
    for kind in (torch.optim.AdamW, AdamW8bit):
        model = network()
        optimizer = kind(model.parameters(), **NUMBERS)
        train(model, optimizer, 0, 1)
        sizes.append(
            sum(
                value.nbytes
                for state in optimizer.state.values()
                for name, value in state.items()
                if name != "step"
            )
        )
    assert 0.25 < sizes[1] / sizes[0] < 0.28


def test_saved_state_continues_to_the_same_bits() -> None:
    whole, parts = network(), network()
    optimizer = AdamW8bit(whole.parameters(), **NUMBERS)
    train(whole, optimizer, 0, 6)
    first = AdamW8bit(parts.parameters(), **NUMBERS)
    train(parts, first, 0, 3)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = AdamW8bit(parts.parameters(), **NUMBERS)
    second.load_state_dict(torch.load(file, weights_only=True))
    train(parts, second, 3, 6)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(one, other)


def test_state_of_other_parameters_is_refused() -> None:
    other = AdamW8bit(nn.Linear(3, 3).parameters(), **NUMBERS)
    with pytest.raises(ValueError, match="parameter group"):
        other.load_state_dict(AdamW8bit(network().parameters(), **NUMBERS).state_dict())
