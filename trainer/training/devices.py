"""The devices of a training: one process each, started by torchrun where there are several."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from trainer.training.network import CtcNetwork
from trainer.training.sharded import divided_optimizer_state, divided_state, shard, whole

T = TypeVar("T")

_PATIENCE = timedelta(days=7)
"""How long devices wait for what the first one makes, such as data from years of recordings."""


@dataclass(frozen=True, slots=True)
class Devices:
    """The device of this process, and its place among all of a training.

    `rank` is the number of this process among `count`. The first one writes files and reports.
    `sharded` is whether each holds a part of the model only.
    """

    device: torch.device
    rank: int = 0
    count: int = 1
    sharded: bool = False

    @property
    def first(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def wrap(self, network: CtcNetwork, *, find_unused_parameters: bool) -> nn.Module:
        """Moves a network to the device; several devices then share their gradients.

        Raises:
            TrainingError: the model is to be divided, and torch is too old for it.
        """
        if self.sharded:
            shard(network, self.device)
            return network
        network.to(self.device)
        if self.count == 1:
            return network
        indexes = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(
            network, device_ids=indexes, find_unused_parameters=find_unused_parameters
        )

    def without_sync(self, network: nn.Module) -> AbstractContextManager[None]:
        """Returns a context in which a backward pass shares no gradients yet.

        Of a model in parts they are shared at once, since no device has room for all of them.
        """
        if self.count == 1 or self.sharded:
            return nullcontext()
        return cast("DistributedDataParallel", network).no_sync()

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Returns the sum of a tensor over all devices; the argument may be changed."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def whole(self, state: dict[str, Any]) -> dict[str, Any]:
        """Returns the state of a model or an optimiser with all of its tensors whole.

        Every device has to call it; where the model is in parts, the first alone gets the tensors.
        """
        if not self.sharded:
            return state
        found: dict[str, Any] = whole(state, keep=self.first)
        return found

    def load_weights(self, model: nn.Module, weights: dict[str, torch.Tensor]) -> None:
        """Loads whole weights into a model, which may be in parts.

        Raises:
            RuntimeError: the weights are those of another model.
        """
        model.load_state_dict(divided_state(model, weights) if self.sharded else weights)

    def load_optimizer(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """Loads the whole state of an optimiser, whose parameters may be in parts.

        Raises:
            ValueError: the state is that of another model.
        """
        optimizer.load_state_dict(
            divided_optimizer_state(optimizer, state) if self.sharded else state
        )

    def from_first(self, make: Callable[[], T]) -> T:
        """Returns what the first device makes; the others wait for it, however long it takes.

        Raises:
            SystemExit: on the others, where the first failed; it reports the reason.
        """
        if self.count == 1:
            return make()
        group = distributed.new_group(backend="gloo", timeout=_PATIENCE)
        made: list[Any] = [False, None]
        try:
            if self.first:
                made = [True, make()]
        finally:
            distributed.broadcast_object_list(made, src=0, group=group)
        if not made[0]:
            raise SystemExit(1)
        return cast("T", made[1])

    def wait(self) -> None:
        """Waits until all devices are here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def open_devices() -> Iterator[Devices]:
    """Yields the devices of this training; a process group that it opened is closed at the end.

    torchrun gives each process its rank. CUDA cards use NCCL, CPUs gloo.
    """
    cuda = torch.cuda.is_available()
    if "LOCAL_RANK" not in os.environ:
        yield Devices(torch.device("cuda", 0) if cuda else torch.device("cpu"))
        return
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    opened = not distributed.is_initialized()
    if opened:
        distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Devices(device, distributed.get_rank(), distributed.get_world_size())
    finally:
        if opened:
            distributed.destroy_process_group()
