"""Reads a recipe file into one frozen value."""

import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from trainer.errors import RecipeError
from trainer.recipe_rules import check
from trainer.recipe_schema import (
    AdaptationRecipe,
    AugmentationRecipe,
    DataRecipe,
    DistillationRecipe,
    LanguageModelRecipe,
    MixtureRecipe,
    ModelRecipe,
    Optimiser,
    Recipe,
    SynthesisRecipe,
    TextRecipe,
    TrainingRecipe,
)

__all__ = [
    "RECIPES",
    "AdaptationRecipe",
    "AugmentationRecipe",
    "DataRecipe",
    "DistillationRecipe",
    "LanguageModelRecipe",
    "MixtureRecipe",
    "ModelRecipe",
    "Optimiser",
    "Recipe",
    "SynthesisRecipe",
    "TextRecipe",
    "TrainingRecipe",
    "bundled_recipes",
    "load_recipe",
]

RECIPES = Path(__file__).resolve().parent / "recipes"

T = TypeVar("T")


def bundled_recipes() -> list[str]:
    """Returns the ids of the recipes that come with the trainer, in order."""
    return sorted(file.stem for file in RECIPES.glob("*.toml"))


def load_recipe(reference: str | Path) -> Recipe:
    """Reads a recipe by file name, or by id among the bundled ones.

    Raises:
        RecipeError: no such recipe, not TOML, a key that is missing, unknown or of the wrong
            kind, or values that contradict each other.
    """
    path = Path(reference)
    if not path.is_file():
        path = RECIPES / f"{reference}.toml"
    if not path.is_file():
        raise RecipeError(f"no recipe {str(reference)!r}; bundled: {', '.join(bundled_recipes())}")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not TOML: {error}") from error
    recipe = _build(Recipe, document, path.name)
    check(recipe, path.name)
    return recipe


def _build(kind: type[T], table: dict[str, Any], where: str) -> T:
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    optional = {name for name in names if get_origin(hints[name]) is UnionType}
    if missing := sorted(names - optional - table.keys()):
        raise RecipeError(f"{where} lacks {', '.join(missing)}")
    if unknown := sorted(table.keys() - names):
        raise RecipeError(f"{where} has unknown keys {', '.join(unknown)}")
    return kind(
        **{
            name: _value(hints[name], table[name], f"{where}: {name}") if name in table else None
            for name in names
        }
    )


def _value(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - any field of any recipe
    if get_origin(kind) is UnionType:
        kind = next(part for part in get_args(kind) if part is not NoneType)
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise RecipeError(f"{where} must be a table")
        return _build(kind, value, where)  # type: ignore[arg-type]
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise RecipeError(f"{where} must be a list")
        kinds = get_args(kind)
        if kinds[-1] is Ellipsis:
            kinds = (kinds[0],) * len(value)
        if len(kinds) != len(value):
            raise RecipeError(f"{where} must have {len(kinds)} values")
        return tuple(_value(k, v, where) for k, v in zip(kinds, value, strict=True))
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise RecipeError(f"{where} must be one of {', '.join(get_args(kind))}")
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise RecipeError(f"{where} must be {kind.__name__}, not {value!r}")
    return value
