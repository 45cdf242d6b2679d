"""The outputs of a model keep their letters when it is trained with another vocabulary."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trainer.data import read_split
from trainer.export import export_model, load_stock
from trainer.export.tokens import Tokens
from trainer.model import SPECIAL, TOKENS, random_model
from trainer.recipe import AdaptationRecipe, Recipe
from trainer.training.head import carry_head, kept_tokens
from trainer.training.initial import initial_model
from trainer.training.vocabulary import source_tokens, tokens_for

KEEP = AdaptationRecipe(keep_vocabulary=True, optimiser="adamw", lora_rank=0, lora_alpha=0.0)


@pytest.fixture
def start(recipe: Recipe, tmp_path: Path) -> Path:
    export_model(random_model(recipe.model, seed=3), tmp_path / "start")
    return tmp_path / "start"


def started(recipe: Recipe, start: Path, tokens: tuple[str, ...]) -> tuple[torch.nn.Linear, str]:
    messages: list[str] = []
    own = replace(recipe, model=replace(recipe.model, init=str(start)))
    model, _ = initial_model(own, tokens, None, messages.append)
    assert model.config.vocab_size == len(tokens)
    return model.lm_head, messages[0]


def test_same_letters_in_another_order_keep_their_outputs(recipe: Recipe, start: Path) -> None:
    tokens = tuple(reversed(TOKENS))
    head, message = started(recipe, start, tokens)
    before = load_stock(start).lm_head
    hidden = torch.randn(5, recipe.model.hidden_size)
    assert torch.allclose(head(hidden), before(hidden).flip(-1), atol=1e-5)
    assert "rows of its head for 34 tokens" in message


def test_new_letter_is_never_emitted_before_it_is_learnt(recipe: Recipe, start: Path) -> None:
    head, message = started(recipe, start, (*TOKENS, "é"))
    emitted = head(torch.randn(200, recipe.model.hidden_size)).argmax(-1)
    assert int(emitted.max()) < len(TOKENS)
    assert message.endswith("new rows for é")


def test_head_of_weights_without_a_vocabulary_is_made_new(recipe: Recipe, start: Path) -> None:
    for name in ("vocab.json", "tokenizer_config.json"):
        (start / name).unlink()
    _, message = started(recipe, start, TOKENS)
    assert message.endswith("with a new head")


def test_special_tokens_and_capitals_of_other_models_are_matched_by_their_meaning() -> None:
    names = ("<pad>", "<s>", "</s>", "<unk>", "|", "E", "T", "'")
    source = Tokens(names, "<pad>", "<unk>", "<s>", "</s>", "|")
    kept = kept_tokens(source, {"e", "t", "å", " "})
    assert kept == ("[PAD]", "<s>", "</s>", "[UNK]", "|", "e", "t", "'", "å")
    old = torch.nn.Linear(4, len(names))
    carried = carry_head(old, source, ("|", "e", *SPECIAL))
    assert carried.new == ()
    rows = [names.index(name) for name in ("|", "E", "<unk>", "<pad>", "<s>", "</s>")]
    assert torch.equal(carried.head.weight, old.weight[rows])
    assert torch.equal(carried.head.bias, old.bias[rows])


def test_kept_vocabulary_has_the_letters_of_the_data_at_its_end(
    recipe: Recipe, start: Path, data: Path
) -> None:
    own = replace(recipe, model=replace(recipe.model, init=str(start)), adaptation=KEEP)
    records = read_split(data, "train")
    assert tokens_for(own, records, None) == TOKENS
    accented = [replace(record, text="idé") for record in records]
    assert tokens_for(own, accented, None) == (*TOKENS, "é")
    written = json.loads((start / "vocab.json").read_text("utf-8"))
    known = source_tokens(start)
    assert known is not None
    assert known.tokens == tuple(sorted(written, key=written.__getitem__))
