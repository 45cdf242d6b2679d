"""A recipe small enough to train in seconds, and data to learn."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from demo_model import tiny_shape
from tones import write_speech

from trainer.recipe import RECIPES, Recipe, load_recipe

SMALL = {
    "decay_steps": "2400",
    "conv_dim": "[16, 16, 16, 16]",
    "hidden_size": "32",
    "layers": "1",
    "heads": "2",
    "intermediate_size": "32",
    "position_kernel": "8",
    "position_groups": "4",
    "batch_seconds": "15.0",
    "join_seconds": "[0.0]",
    "steps": "3001",
    "evaluate_every": "2",
}


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """`demo-nb`, shrunk to 30,000 weights and six updates."""
    full = load_recipe("demo-nb")
    model = replace(
        tiny_shape(),
        mask_time_prob=0.2,
        mask_feature_prob=0.2,
        mask_feature_length=4,
        hidden_dropout=0.1,
    )
    training = replace(
        full.training,
        steps=6,
        warmup_steps=2,
        decay_steps=3,
        batch_seconds=5.0,
        precision="fp32",
        log_every=2,
        evaluate_every=2,
        join_seconds=(0.0, 3.0),
        join_from_step=3,
        sorted_epochs=1,
    )
    return replace(full, model=model, training=training)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the splits that training needs."""
    return write_speech(tmp_path_factory.mktemp("data"))


@pytest.fixture
def make_small(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a bundled recipe, made small, into a file of its own."""

    def make(name: str) -> Path:
        text = (RECIPES / f"{name}.toml").read_text(encoding="utf-8")
        for key, value in SMALL.items():
            text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
            assert count == 1, key
        file = tmp_path / "small.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return make
