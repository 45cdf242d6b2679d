"""Which parameters decay: those that do in transformers' Trainer."""

from transformers import Trainer

from trainer.model import random_model
from trainer.recipe import Recipe
from trainer.training.optimizer import decaying_parameters


def test_norms_and_biases_do_not_decay_as_in_transformers(recipe: Recipe) -> None:
    model = random_model(recipe.model, seed=1)
    decaying = decaying_parameters(model)
    assert decaying == set(Trainer.get_decay_parameter_names(None, model))  # type: ignore[arg-type]
    assert "lm_head.weight" in decaying
    assert "lm_head.bias" not in decaying
