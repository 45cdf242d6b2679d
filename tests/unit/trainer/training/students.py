"""Recipes of small students."""

from dataclasses import replace
from typing import Any

from trainer.recipe import DistillationRecipe, Recipe


def student(recipe: Recipe, *, steps: int, **distillation: Any) -> Recipe:
    model = replace(recipe.model, hidden_dropout=0.0, mask_time_prob=0.0, mask_feature_prob=0.0)
    training = replace(
        recipe.training,
        steps=steps, decay_steps=max(1, steps // 4), learning_rate=3e-3, join_seconds=(0.0,),
        evaluate_every=steps, log_every=steps,
    )  # fmt: skip
    return replace(
        recipe, model=model, training=training, distillation=DistillationRecipe(**distillation)
    )
