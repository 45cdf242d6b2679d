"""Chooses what is trained, and in how many parts, by the memory that is free."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from trainer.errors import TrainingError
from trainer.finetuning.recipe import Method
from trainer.memory import Device, Memory, training_memory
from trainer.plan import largest_batch
from trainer.recipe import Recipe
from trainer.training.loss import resolve_precision

METHODS: tuple[Method, ...] = ("full", "adamw8bit", "adafactor", "lora")

_PARTS = (1, 2, 4, 8, 16)
# Allocators round and fragment, and the driver takes its own.
_MARGIN = 0.9
_GIB = 2**30
_CGROUP = Path("/sys/fs/cgroup")

MakeRecipe = Callable[[Method, bool, int], Recipe]
"""Makes a recipe of a method, with gradient checkpointing or not, in so many parts an update."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A recipe and the memory that it takes, of what is free, in bytes."""

    recipe: Recipe
    method: Method
    memory: Memory
    free: int
    device: Device


def choose(
    make: MakeRecipe, methods: Sequence[Method], *, free: int, device: Device, shards: int = 1
) -> Choice:
    """Returns the first recipe that fits, of those that train as much of the model as possible.

    Each method is tried without and with gradient checkpointing, and in more and more parts.

    Args:
        make: makes the recipes.
        methods: those to try, in this order.
        free: bytes that a device has.
        device: what it is.
        shards: parts that the model is divided in, one a device.

    Raises:
        TrainingError: none fits; the message has what the smallest needs.
    """
    half = resolve_precision("auto", torch.device(device)) != "fp32"
    smallest: Choice | None = None
    for method in methods:
        for checkpointing in (False, True):
            # LoRA makes a matrix anew where it is used; checkpointing keeps one layer's at a time.
            if method == "lora" and not checkpointing:
                continue
            for parts in _PARTS:
                recipe = make(method, checkpointing, parts)
                memory = training_memory(
                    recipe.model,
                    largest_batch(recipe.data, recipe.training),
                    half=half,
                    device=device,
                    checkpointing=checkpointing,
                    adaptation=recipe.adaptation,
                    shards=shards,
                )
                found = Choice(recipe, method, memory, free, device)
                if memory.total <= _MARGIN * free:
                    return found
                if smallest is None or memory.total < smallest.memory.total:
                    smallest = found
    assert smallest is not None
    others = METHODS[METHODS.index(methods[-1]) + 1 :]
    advice = f"; --method {' or '.join(others)} needs less" if others else ""
    raise TrainingError(
        f"the training needs {smallest.memory.total / _GIB:.1f} GiB of memory on {device} at the "
        f"least ({smallest.method}), and {free / _GIB:.1f} GiB are free, of which a tenth is left "
        f"to the allocator{advice}"
    )


def training_device() -> Device:
    """Returns where `fit` would train."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def free_memory(device: Device) -> int:
    """Returns the bytes that are free on a device; on a CPU, at most what the control group has."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    available = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    free = 1024 * int(available)
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return free
    return free if limit == "max" else min(free, max(0, int(limit) - used))
