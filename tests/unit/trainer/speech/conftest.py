"""The recipe of a demo, and a data folder of a few spoken sentences."""

from pathlib import Path

import pytest

from trainer.data.store import write_split
from trainer.recipe import Recipe, load_recipe
from trainer.recipe_schema import SynthesisRecipe
from trainer.speech.prepare import synthesis_of
from trainer.speech.synthesis import utterances

SENTENCES = {
    "train": ("det er en prøve", "vi går på tur", "hun har en hest", "de er ikke her"),
    "valid": ("vi har en båt", "det er mørkt"),
    "test": ("det er ikke mørkt", "hun leser om hesten"),
}


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return load_recipe("demo-nb")


@pytest.fixture(scope="session")
def synthesis(recipe: Recipe) -> SynthesisRecipe:
    return synthesis_of(recipe)


@pytest.fixture(scope="session")
def data(
    tmp_path_factory: pytest.TempPathFactory, recipe: Recipe, synthesis: SynthesisRecipe
) -> Path:
    """A data folder with all three splits."""
    folder = tmp_path_factory.mktemp("data")
    for split, sentences in SENTENCES.items():
        spoken = utterances(sentences, synthesis, split=split, seed=recipe.seed)
        write_split(folder, split, spoken)
    return folder
