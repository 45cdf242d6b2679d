"""Values of a model's card are changed, and nothing else of it."""

from pathlib import Path

import pytest

from app.catalogue import decoding_defaults
from app.errors import ConfigurationError
from trainer.model_toml import write_decoding

HEAD = """id = "council"  # ours
languages = ["nb"]
"""
FIGURES = """
[[figures]]
dataset = "minutes"
metric = "wer"
value = 0.2
decoder = "greedy"
source = "ours"
"""
WEIGHTS = {"unk_character_weight": 0.5, "unk_character_offset": -2.0}


@pytest.mark.parametrize(
    "before",
    [
        HEAD,
        HEAD + FIGURES,
        HEAD + "\n[decoding]",
        HEAD + "\n[decoding]\nunk_character_weight = 0.25  # measured\n" + FIGURES,
    ],
)
def test_weights_are_written_and_all_else_stays(tmp_path: Path, before: str) -> None:
    card = tmp_path / "model.toml"
    card.write_text(before, "utf-8")
    write_decoding(card, WEIGHTS)
    assert decoding_defaults(tmp_path) == WEIGHTS
    kept = [line for line in before.splitlines() if not line.startswith("unk_")]
    written = card.read_text("utf-8").splitlines()
    assert [line for line in written if line in kept and line] == [line for line in kept if line]
    write_decoding(card, WEIGHTS)
    assert card.read_text("utf-8").splitlines() == written


def test_card_that_the_service_cannot_read_is_left_as_it_is(tmp_path: Path) -> None:
    card = tmp_path / "model.toml"
    card.write_text("no card", "utf-8")
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        write_decoding(card, WEIGHTS)
    assert card.read_text("utf-8") == "no card"
