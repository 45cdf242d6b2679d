"""The devices of a training: one process each, started by torchrun where there are several."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import cast

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, slots=True)
class Devices:
    """The device of this process, and its place among all of a training.

    `rank` is the number of this process among `count`. The first one writes files and reports.
    """

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def wrap(self, network: nn.Module, *, find_unused_parameters: bool) -> nn.Module:
        """Moves a network to the device; several devices then share their gradients."""
        network = network.to(self.device)
        if self.count == 1:
            return network
        indexes = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(
            network, device_ids=indexes, find_unused_parameters=find_unused_parameters
        )

    def without_sync(self, network: nn.Module) -> AbstractContextManager[None]:
        """Returns a context in which a backward pass shares no gradients yet."""
        if self.count == 1:
            return nullcontext()
        return cast("DistributedDataParallel", network).no_sync()

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Returns the sum of a tensor over all devices; the argument may be changed."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Waits until all devices are here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def open_devices() -> Iterator[Devices]:
    """Yields the devices of this training; a process group is closed at the end.

    torchrun gives each process its rank. CUDA cards use NCCL, CPUs gloo.
    """
    cuda = torch.cuda.is_available()
    if "LOCAL_RANK" not in os.environ:
        yield Devices(torch.device("cuda", 0) if cuda else torch.device("cpu"))
        return
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Devices(device, distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
