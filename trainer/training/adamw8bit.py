"""AdamW whose two states take a byte a weight (Dettmers et al. 2022, arXiv:2110.02861).

A state of a matrix is kept as codes of 256 values, which lie closer to each other near zero (their
"dynamic tree quantisation"), times the largest value of a block of neighbours. A block lies within
a row, so that a device with a share of the rows computes what one with all of them does. Vectors
stay in fp32. What is kept of the second moment is its root: that is what the update divides by, and
the codes reach down to 3e-7 of the largest, which for squares would be 5e-4 of the largest
gradient. A root above zero is never rounded to zero, so that no weight is divided by epsilon alone.
"""

from collections.abc import Callable, Iterable
from functools import cache
from math import ceil, prod
from typing import Any

import torch
from torch.distributed import tensor as distributed_tensor
from torch.distributed.tensor import DTensor
from torch.nn import functional

from trainer.memory import STATE_BLOCK
from trainer.training.sharded import local

_EXPONENTS = 7  # powers of ten that the codes reach down to
_MEAN, _ROOT = "mean", "root"
_SCALES = "_scales"


class AdamW8bit(torch.optim.Optimizer):
    """As `torch.optim.AdamW`, with states of a byte a weight, and two scales for each 256.

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        betas: decay of the means of the gradient and of its square.
        eps: added to the root that is divided by.
        weight_decay: relative to the learning rate.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float = 0.0,
    ) -> None:
        numbers = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, numbers)

    @torch.no_grad()
    def step(  # type: ignore[override]  # torch has an overload for each kind of argument
        self, closure: Callable[[], float] | None = None
    ) -> float | None:
        """Makes one update; a parameter without a gradient is left as it is.

        Args:
            closure: as of every optimiser of torch: computes the loss anew.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    _update(parameter, self.state[parameter], group)
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Loads a state; the codes stay bytes, where torch would make numbers of them.

        Raises:
            ValueError: it is that of other parameters.
        """
        super().load_state_dict(state_dict | {"state": {}})
        numbers = [number for group in state_dict["param_groups"] for number in group["params"]]
        parameters = [each for group in self.param_groups for each in group["params"]]
        for number, parameter in zip(numbers, parameters, strict=True):
            for name, value in state_dict["state"].get(number, {}).items():
                tensor = isinstance(value, torch.Tensor)
                self.state[parameter][name] = value.to(parameter.device) if tensor else value


def _update(parameter: torch.Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    if not state:
        state["step"] = 0
        state |= _empty(parameter, _MEAN) | _empty(parameter, _ROOT)
    state["step"] += 1
    step, (decay, decay_of_squares) = state["step"], group["betas"]
    assert parameter.grad is not None
    weight, gradient = local(parameter), local(parameter.grad)
    mean, root = _read(state, _MEAN), _read(state, _ROOT)
    mean = mean.lerp(gradient, 1 - decay)
    root = root.square().mul_(decay_of_squares)
    root = root.addcmul_(gradient, gradient, value=1 - decay_of_squares).sqrt_()
    _write(state, _MEAN, mean)
    _write(state, _ROOT, root)
    weight.mul_(1 - group["lr"] * group["weight_decay"])
    divisor = root.div_((1 - decay_of_squares**step) ** 0.5).add_(group["eps"])
    weight.addcdiv_(mean, divisor, value=-group["lr"] / (1 - decay**step))


def _empty(parameter: torch.Tensor, name: str) -> dict[str, torch.Tensor]:
    """Returns a state of zeros, divided among devices as the parameter is."""
    rows, *others = parameter.shape
    if parameter.numel() == max(parameter.shape):
        return {name: torch.zeros_like(parameter)}
    codes = torch.zeros_like(parameter, dtype=torch.uint8)
    shape = (rows, ceil(prod(others) / STATE_BLOCK))
    if isinstance(parameter, DTensor):
        mesh, placements = parameter.device_mesh, parameter.placements
        scales = distributed_tensor.zeros(shape, device_mesh=mesh, placements=placements)
        return {name: codes, name + _SCALES: scales}
    return {name: codes, name + _SCALES: torch.zeros(shape, device=parameter.device)}


def _read(state: dict[str, Any], name: str) -> torch.Tensor:
    """Returns a state in fp32, in the shape of its parameter."""
    held = local(state[name])
    if name + _SCALES not in state:
        return held
    return dequantised(held, local(state[name + _SCALES]), signed=name == _MEAN)


def _write(state: dict[str, Any], name: str, values: torch.Tensor) -> None:
    held = local(state[name])
    if name + _SCALES not in state:
        held.copy_(values)
        return
    codes, scales = quantised(values, signed=name == _MEAN)
    held.copy_(codes)
    local(state[name + _SCALES]).copy_(scales)


def quantised(values: torch.Tensor, *, signed: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns codes, bytes in the shape of the values, and scales, fp32 [rows, blocks].

    Args:
        values: fp32 [rows, …].
        signed: whether they may be below zero.
    """
    flat = values.flatten(1)
    rows, columns = flat.shape
    blocks = ceil(columns / STATE_BLOCK)
    padded = functional.pad(flat, (0, blocks * STATE_BLOCK - columns))
    scales = padded.view(rows, blocks, STATE_BLOCK).abs().amax(-1)
    shares = flat / _spread(scales, columns).clamp_min(torch.finfo(torch.float32).tiny)
    bounds = _bounds(values.device, signed=signed)
    codes = torch.bucketize(shares, bounds, out_int32=True).to(torch.uint8)
    return codes.view_as(values), scales


def dequantised(codes: torch.Tensor, scales: torch.Tensor, *, signed: bool) -> torch.Tensor:
    """Returns the values of codes in fp32, in their shape."""
    flat = codes.flatten(1)
    values = _values(codes.device, signed=signed)[flat.int()]
    return values.mul_(_spread(scales, flat.shape[1])).view_as(codes)


def _spread(scales: torch.Tensor, columns: int) -> torch.Tensor:
    """Returns the scale of each value, [rows, columns]."""
    return scales.repeat_interleave(STATE_BLOCK, dim=1)[:, :columns]


@cache
def _values(device: torch.device, *, signed: bool) -> torch.Tensor:
    """Returns the values of the 256 codes, ascending, from -1 or 0 to 1.

    Below each power of ten there are twice as many as below the one before, evenly spread; signed
    ones are half as many on each side.
    """
    found = [0.0, 1.0]
    for exponent in range(_EXPONENTS):
        count = 2 ** (exponent if signed else exponent + 1)
        steps = torch.linspace(0.1, 1, count + 1, dtype=torch.float64)
        means = (steps[:-1] + steps[1:]) / 2 * 10.0 ** (exponent - _EXPONENTS + 1)
        found += means.tolist()
        if signed:
            found += (-means).tolist()
    return torch.tensor(sorted(found), dtype=torch.float32, device=device)


@cache
def _bounds(device: torch.device, *, signed: bool) -> torch.Tensor:
    """Returns the 255 bounds between codes; values without a sign are 0 only where they are 0."""
    values = _values(device, signed=signed)
    bounds = (values[:-1] + values[1:]) / 2
    if not signed:
        bounds[0] = 0
    return bounds
