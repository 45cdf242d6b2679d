"""Loads the model that a recipe's training starts from."""

import pickle
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from trainer.errors import RecipeError
from trainer.model import random_model, regularise, shape_differences
from trainer.provenance import RANDOM_WEIGHTS, Start, start_of
from trainer.recipe import Recipe
from trainer.training.head import carry_head
from trainer.training.restore import Saved
from trainer.training.vocabulary import source_tokens

_FAMILY = "wav2vec2"
_UNREADABLE = (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError)


def initial_model(
    recipe: Recipe,
    tokens: tuple[str, ...],
    init: Path | None,
    notify: Callable[[str], None] = lambda _: None,
) -> tuple[Wav2Vec2ForCTC, Start]:
    """Returns the model a recipe starts from, and the name of its weights.

    The rows of the head are those that the same tokens have in the checkpoint, whatever their order
    there; without a vocabulary it is made new.

    Args:
        recipe: has the shape, or the hub id and its fallbacks.
        tokens: what the model is to write.
        init: checkpoint folder to take instead.
        notify: called with the weights that are taken.

    Raises:
        RecipeError: the weights are not available, or have another shape than the recipe.
    """
    if init is None and recipe.model.init == "random":
        return random_model(recipe.model, seed=recipe.seed, tokens=tokens), RANDOM_WEIGHTS
    sources = [str(init)] if init else [recipe.model.init, *recipe.model.fallbacks]
    problems: list[str] = []
    for source in sources:
        try:
            model, head = _load(source, recipe, tokens)
        except _UNREADABLE as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            problems.append(f"{source}: {reason}")
            continue
        notify(f"starting from the weights of {source}, {head}")
        return model, start_of(source)
    raise RecipeError(
        f"{recipe.id} starts from weights that are not available ({'; '.join(problems)}); "
        "--init takes a folder that holds them"
    )


def resumed_model(recipe: Recipe, saved: Saved) -> Wav2Vec2ForCTC:
    """Returns a model of the shape of a checkpoint, for its weights to be loaded into."""
    config = Wav2Vec2Config.from_pretrained(saved.folder)
    return Wav2Vec2ForCTC(regularise(config, recipe.model, saved.tokens))


def _load(source: str, recipe: Recipe, tokens: tuple[str, ...]) -> tuple[Wav2Vec2ForCTC, str]:
    """Returns a model, and what became of its head."""
    values, _ = Wav2Vec2Config.get_config_dict(source)
    family = values.get("model_type", _FAMILY)
    if family != _FAMILY:
        raise RecipeError(f"{source} holds a model of the family {family}, not {_FAMILY}")
    config = Wav2Vec2Config.from_pretrained(source)
    if differences := shape_differences(config, recipe.model):
        raise RecipeError(f"{recipe.id} does not fit {source}: {'; '.join(differences)}")
    outputs, known = config.vocab_size, source_tokens(Path(source))
    config = regularise(config, recipe.model, tokens)
    torch.manual_seed(recipe.seed)
    config.vocab_size = outputs if known else len(tokens)
    model: Wav2Vec2ForCTC = Wav2Vec2ForCTC.from_pretrained(
        source, config=config, dtype=torch.float32, ignore_mismatched_sizes=True
    )
    model.config.vocab_size = len(tokens)
    if known is None:
        model.lm_head.reset_parameters()
        return model, "with a new head"
    carried = carry_head(model.lm_head, known, tokens)
    model.lm_head = carried.head
    new = f", and new rows for {' '.join(carried.new)}" if carried.new else ""
    return model, f"with the rows of its head for {len(tokens) - len(carried.new)} tokens{new}"
