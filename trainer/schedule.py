"""The number of an update in, its learning rate out: the one schedule of `plan` and of training."""

from trainer.recipe import TrainingRecipe


def learning_rate(step: int, recipe: TrainingRecipe, total_steps: int) -> float:
    """Return the rate of an update, counted from 0, of a training of `total_steps` updates.

    `linear` is transformers' `get_linear_schedule_with_warmup`, which the published checkpoints
    were trained with: 0 at update 0, the full rate at update `warmup_steps`, then straight down
    towards `final_learning_rate`, which the update after the last would have.

    `plateau` is warmup-stable-decay (Hu et al. 2024, arXiv:2404.06395): until the last
    `decay_steps` nothing depends on `total_steps`, so a training may be made longer or shorter
    while it runs. Its first update already has a rate above 0.
    """
    peak, final = recipe.learning_rate, recipe.final_learning_rate
    if step < recipe.warmup_steps:
        done = step if recipe.schedule == "linear" else step + 1
        return peak * done / recipe.warmup_steps
    fall = total_steps - recipe.warmup_steps if recipe.schedule == "linear" else recipe.decay_steps
    left = min(1.0, max(0.0, (total_steps - step) / max(1, fall)))
    return final + (peak - final) * left
