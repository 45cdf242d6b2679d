"""Makes the model that a distillation starts from out of the layers of its teacher."""

from collections.abc import Callable

import torch
from torch import nn
from transformers import Wav2Vec2ForCTC

from trainer.errors import RecipeError
from trainer.model import random_model, shape_differences
from trainer.provenance import Start
from trainer.recipe import Recipe
from trainer.training.teacher import Teacher

_FRONT_END = "feature_extractor"
_COPIED_WHERE_ALIKE = (_FRONT_END, "feature_projection", "encoder.pos_conv_embed")
_MUST_BE_ALIKE = ("model.hidden_size", "model.heads")
_INNER, _OUTER = "feed_forward.intermediate_dense", "feed_forward.output_dense"
_MASK = "masked_spec_embed"


def student_of(
    teacher: Teacher,
    recipe: Recipe,
    layers: tuple[int, ...],
    notify: Callable[[str], None] = lambda _: None,
) -> tuple[Wav2Vec2ForCTC, Start]:
    """Returns a model of a recipe's shape with layers of its teacher, and the name of its weights.

    A layer is copied whole (Sanh et al. 2019, arXiv:1910.01108), save that a narrower feed-forward
    has those units of the teacher's whose weights are the largest (Li et al. 2017,
    arXiv:1608.08710). The head and the last norm are the teacher's. So are the front end, its
    projection and the positions where they have the same shape in both; else they are random.

    Args:
        teacher: whose weights are copied.
        recipe: has the shape.
        layers: which of the teacher's become the student's, counted from 0.
        notify: called with what the weights are.

    Raises:
        RecipeError: the teacher lacks a layer, its layers do not fit the recipe, or a front end
            that would be random is not to be trained.
    """
    source = teacher.network.model
    _check(source, recipe, layers, teacher.start.name)
    student = random_model(recipe.model, seed=recipe.seed, tokens=teacher.tokens)
    mine, its = student.wav2vec2, source.wav2vec2
    for layer, place in zip(mine.encoder.layers, layers, strict=True):
        layer.load_state_dict(_narrowed(its.encoder.layers[place], recipe.model.intermediate_size))
    mine.encoder.layer_norm.load_state_dict(its.encoder.layer_norm.state_dict())
    student.lm_head.load_state_dict(source.lm_head.state_dict())
    if hasattr(mine, _MASK) and hasattr(its, _MASK):
        mine.masked_spec_embed.data.copy_(its.masked_spec_embed)
    random: list[str] = []
    for name in _COPIED_WHERE_ALIKE:
        part, known = mine.get_submodule(name), its.get_submodule(name).state_dict()
        if _shapes(part.state_dict()) == _shapes(known):
            part.load_state_dict(known)
        else:
            random.append(name)
    if _FRONT_END in random and recipe.model.freeze_feature_encoder:
        raise RecipeError(
            f"model.freeze_feature_encoder must be false: the front end of {teacher.start.name} "
            "has another shape than model.conv_dim and conv_kernel, so that of the student is "
            "random"
        )
    start = Start(f"layers {_listed(layers)} of {teacher.start.name}", teacher.start.hub)
    rest = f"; random: {', '.join(random)}" if random else ""
    notify(f"starting from {start.name}{rest}")
    return student, start


def _check(source: Wav2Vec2ForCTC, recipe: Recipe, layers: tuple[int, ...], name: str) -> None:
    config, width = source.config, recipe.model.intermediate_size
    problems = [
        line for line in shape_differences(config, recipe.model) if line.startswith(_MUST_BE_ALIKE)
    ]
    if not config.do_stable_layer_norm or config.adapter_attn_dim is not None:
        problems.append("its layers have norms behind them, or adapters")
    if max(layers) >= config.num_hidden_layers:
        problems.append(
            f"distillation.teacher_layers has {max(layers)}, and its layers are 0 to "
            f"{config.num_hidden_layers - 1}"
        )
    if width > config.intermediate_size:
        problems.append(
            f"model.intermediate_size is {width}, and {config.intermediate_size} in its layers"
        )
    if problems:
        raise RecipeError(
            f"{recipe.id} cannot start from layers of the teacher {name}: {'; '.join(problems)}"
        )


def _narrowed(layer: nn.Module, width: int) -> dict[str, torch.Tensor]:
    """Returns the weights of a layer with the `width` units of its feed-forward that weigh most."""
    state = dict(layer.state_dict())
    into, out = state[f"{_INNER}.weight"], state[f"{_OUTER}.weight"]
    strength = into.norm(dim=1) * out.norm(dim=0)
    kept = strength.topk(width).indices.sort().values
    state[f"{_INNER}.weight"], state[f"{_OUTER}.weight"] = into[kept], out[:, kept]
    state[f"{_INNER}.bias"] = state[f"{_INNER}.bias"][kept]
    return state


def _shapes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: weight.shape for name, weight in weights.items()}


def _listed(layers: tuple[int, ...]) -> str:
    *first, last = map(str, layers)
    return f"{', '.join(first)} and {last}" if first else last
