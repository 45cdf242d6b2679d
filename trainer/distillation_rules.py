"""Checks the numbers of a distillation, and what its student starts from."""

from collections.abc import Iterator
from itertools import pairwise

from trainer.recipe_schema import Recipe


def start_problems(recipe: Recipe) -> Iterator[str]:
    """Yields a line for each contradiction, among them a frozen front end of random weights."""
    model, distillation = recipe.model, recipe.distillation
    layers = distillation.teacher_layers if distillation else ()
    if model.init == "random" and model.freeze_feature_encoder and not layers:
        yield "model.freeze_feature_encoder must be false where model.init is random"
    if distillation is None:
        return
    if distillation.ctc_weight < 0:
        yield f"distillation.ctc_weight must not be negative, and is {distillation.ctc_weight:g}"
    if distillation.temperature <= 0:
        yield f"distillation.temperature must be above 0, and is {distillation.temperature:g}"
    if distillation.precompute and any(recipe.training.join_seconds):
        yield "training.join_seconds must be 0 where distillation.precompute is true"
    if distillation.precompute and recipe.augmentation and recipe.augmentation.speed_share:
        yield "augmentation.speed_share must be 0 where distillation.precompute is true"
    if not layers:
        return
    if model.init != "random":
        yield "distillation.teacher_layers are what to start from, and model.init must be random"
    if len(layers) != model.layers:
        yield (
            f"distillation.teacher_layers must name one layer for each of the {model.layers} of "
            f"model.layers, not {len(layers)}"
        )
    if layers[0] < 0 or any(one >= other for one, other in pairwise(layers)):
        yield "distillation.teacher_layers must rise from 0 or more"
