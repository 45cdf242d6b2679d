"""The recipes of two demos, and their text parts."""

import pytest

from trainer.recipe import Recipe, load_recipe
from trainer.recipe_schema import TextRecipe
from trainer.text.corpus import text_of


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return load_recipe("demo-nb")


@pytest.fixture(scope="session")
def text(recipe: Recipe) -> TextRecipe:
    return text_of(recipe)


@pytest.fixture(scope="session")
def nynorsk() -> Recipe:
    return load_recipe("demo-nn")
