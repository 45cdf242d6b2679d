"""A recipe small enough to train in seconds, sentences for it, and its speech."""

from dataclasses import replace
from pathlib import Path

import pytest

from trainer.data.store import write_split
from trainer.recipe import Recipe, load_recipe
from trainer.speech.synthesis import utterances

SENTENCES = {
    "train": (
        "det er en prøve",
        "vi går på tur",
        "hun har en hest",
        "de er ikke her",
        "du kan komme nå",
        "om natten er det mørkt",
        "båten ligger i havnen",
        "han leser en bok",
    ),
    "valid": ("vi har en båt",),
    "test": ("det er ikke mørkt", "hun leser om hesten og båten som ligger i havnen om natten"),
}


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """`demo-nb`, shrunk to 30,000 weights and six steps."""
    full = load_recipe("demo-nb")
    model = replace(
        full.model,
        conv_dim=(16, 16, 16, 16),
        hidden_size=32,
        layers=2,
        heads=2,
        intermediate_size=32,
        position_kernel=8,
        position_groups=4,
    )
    training = replace(
        full.training,
        steps=6,
        warmup_steps=2,
        decay_steps=3,
        batch_seconds=5.0,
        precision="fp32",
        mask_time_prob=0.2,
        evaluate_every=2,
        checkpoint_every=2,
        export_every=6,
    )
    return replace(full, model=model, training=training)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> Path:
    """A data folder with all three splits."""
    folder = tmp_path_factory.mktemp("data")
    for split, sentences in SENTENCES.items():
        spoken = utterances(sentences, recipe.synthesis, split=split, seed=recipe.seed)
        write_split(folder, split, spoken)
    return folder
