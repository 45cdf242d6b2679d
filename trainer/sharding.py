"""Whether the devices of a training each hold the whole model, or a part of it."""

from typing import Literal

from trainer.errors import RecipeError
from trainer.recipe import Optimiser

Sharding = Literal["none", "full"]
"""`full`: weights, gradients and the optimiser's states are divided among the devices."""


def shards(optimiser: Optimiser, devices: int, sharding: Sharding) -> int:
    """Returns in how many parts the model is held: 1 without sharding, else one a device.

    Raises:
        RecipeError: there is one device only, or the optimiser cannot be divided.
    """
    if sharding == "none":
        return 1
    if devices == 1:
        raise RecipeError(
            "--sharding full divides a model among devices, and there is one: torchrun "
            "--nproc-per-node N starts a training on more, and --devices is that of plan"
        )
    if optimiser == "adafactor":
        raise RecipeError(
            "--sharding full does not go with the optimiser adafactor, which sums over whole "
            "matrices; accepted: adamw, adamw8bit"
        )
    return devices
