"""Loads the model that a recipe's training starts from."""

from collections.abc import Callable
from pathlib import Path

import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from trainer.errors import RecipeError
from trainer.model import random_model, regularise
from trainer.recipe import Recipe
from trainer.training.vocabulary import tokens_of


def initial_model(
    recipe: Recipe,
    tokens: tuple[str, ...],
    init: Path | None,
    notify: Callable[[str], None] = lambda _: None,
) -> Wav2Vec2ForCTC:
    """Returns the model a recipe starts from: random weights, or those of a checkpoint.

    The head is made new, except where the checkpoint writes the same tokens.

    Args:
        recipe: has the shape, or the hub id and its fallbacks.
        tokens: what the model is to write.
        init: checkpoint folder to take instead.
        notify: called with the weights that are taken.

    Raises:
        RecipeError: the weights are not available.
    """
    if init is None and recipe.model.init == "random":
        return random_model(recipe.model, seed=recipe.seed, tokens=tokens)
    sources = [str(init)] if init else [recipe.model.init, *recipe.model.fallbacks]
    problems: list[str] = []
    for source in sources:
        try:
            model = _load(source, recipe, tokens)
        except OSError as error:
            problems.append(f"{source}: {str(error).splitlines()[0]}")
            continue
        notify(f"starting from the weights of {source}")
        return model
    raise RecipeError(
        f"{recipe.id} starts from weights that are not available ({'; '.join(problems)}); "
        "--init takes a folder that holds them"
    )


def _load(source: str, recipe: Recipe, tokens: tuple[str, ...]) -> Wav2Vec2ForCTC:
    config = regularise(Wav2Vec2Config.from_pretrained(source), recipe.model, tokens)
    torch.manual_seed(recipe.seed)
    model: Wav2Vec2ForCTC = Wav2Vec2ForCTC.from_pretrained(
        source, config=config, dtype=torch.float32, ignore_mismatched_sizes=True
    )
    if tokens_of(Path(source)) != tokens:
        model.lm_head.reset_parameters()
    return model
