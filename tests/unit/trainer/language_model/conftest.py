"""A small corpus, and reference models made from it."""

from pathlib import Path

import pytest

from trainer.recipe import LanguageModelRecipe

REFERENCE = Path(__file__).parent / "reference"


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder with the corpus and the models that lmplz made from it."""
    return REFERENCE


@pytest.fixture(scope="session")
def corpus() -> tuple[str, ...]:
    return tuple((REFERENCE / "corpus.txt").read_text("utf-8").splitlines())


@pytest.fixture(scope="session")
def numbers() -> LanguageModelRecipe:
    """A [language_model] with a small grid."""
    return LanguageModelRecipe(
        sources=("sentences",),
        order=3,
        prune=(0, 0, 0),
        alphas=(0.2, 0.8),
        betas=(0.0, 1.0),
        beam_width=20,
        max_unigrams=0,
        mixture=None,
    )
