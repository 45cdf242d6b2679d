"""Divides a network among devices: weights, gradients and the optimiser's states, by rows.

Each device holds a share of the rows of every weight. A layer is gathered where it is computed, and
its gradient is summed and divided again (Rajbhandari et al. 2020, arXiv:1910.02054; here torch's
`fully_shard`, Zhao et al. 2023, arXiv:2304.11277).
"""

from typing import Any

import torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from trainer.errors import TrainingError
from trainer.training.network import CtcNetwork


def shard(network: CtcNetwork, device: torch.device) -> None:
    """Divides a network in place, layer by layer, and moves it to the device.

    Raises:
        TrainingError: torch is too old to do so on CPUs.
    """
    mesh = init_device_mesh(device.type, (distributed.get_world_size(),))
    for part in (*network.layers, network):
        divided: FSDPModule = fully_shard(part, mesh=mesh)
        if device.type == "cpu":
            if not hasattr(divided, "set_force_sum_reduction_for_comms"):
                raise TrainingError(
                    f"--sharding full on CPUs needs a newer torch than {torch.__version__}"
                )
            # gloo has sums only, no means.
            divided.set_force_sum_reduction_for_comms(enable=True)


def local(tensor: torch.Tensor) -> torch.Tensor:
    """Returns the part of a tensor that this device holds; of one that is not divided, itself."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(values: Any, *, keep: bool) -> Any:  # noqa: ANN401 - the state of a model or an optimiser
    """Gathers the tensors of nested dictionaries and lists; every device has to call it.

    Args:
        values: the state of a model or an optimiser.
        keep: whether this device needs the result: tensors are then on the CPU, else empty.
    """
    if isinstance(values, torch.Tensor):
        gathered = values.full_tensor() if isinstance(values, DTensor) else values
        return gathered.detach().cpu() if keep else torch.empty(0)
    if isinstance(values, dict):
        return {name: whole(value, keep=keep) for name, value in values.items()}
    if isinstance(values, list):
        return [whole(value, keep=keep) for value in values]
    return values


def divided_state(model: nn.Module, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Returns whole weights divided as those of a model are; what does not fit it stays whole."""
    held = model.state_dict()
    return {
        name: _divided(value, held[name]) if name in held else value
        for name, value in weights.items()
    }


def divided_optimizer_state(
    optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> dict[str, Any]:
    """Returns the whole state of an optimiser divided as its parameters are.

    Raises:
        ValueError: it is that of another number of parameters.
    """
    numbers = [number for group in state["param_groups"] for number in group["params"]]
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    states = {
        number: {
            name: _divided(value, parameter) if isinstance(value, torch.Tensor) else value
            for name, value in state["state"][number].items()
        }
        for number, parameter in zip(numbers, parameters, strict=True)
        if number in state["state"]
    }
    return state | {"state": states}


def _divided(value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Divides a tensor by rows as another one is, if it has as many."""
    if not isinstance(like, DTensor) or value.shape[:1] != like.shape[:1]:
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)
