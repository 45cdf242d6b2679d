"""A recipe and speech in, the same weights every time out, stopped in the middle or not."""

import csv
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from trainer.data.store import read_split
from trainer.errors import DataError, RecipeError
from trainer.model import TOKENS, collapse, encode, random_model
from trainer.recipe import Recipe, load_recipe
from trainer.training.batches import Schedule, collate, plan_epoch
from trainer.training.extractor import use_fast_layout
from trainer.training.loop import LOG_COLUMNS, fit, learning_rate


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    whole = fit(recipe, data, tmp_path / "whole")
    fit(recipe, data, tmp_path / "parts", max_steps=3)
    parts = fit(recipe, data, tmp_path / "parts", resume=True)
    for (name, one), other in zip(
        whole.state_dict().items(), parts.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), name
    logs = [(tmp_path / run / "training_log.csv").read_text() for run in ("whole", "parts")]
    assert logs[0] == logs[1]
    rows = list(csv.DictReader(logs[0].splitlines()))
    assert tuple(rows[0]) == LOG_COLUMNS
    assert [row["step"] for row in rows] == ["2", "4", "6"]


def test_a_run_is_not_overwritten_unasked(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    fit(recipe, data, tmp_path, max_steps=1)
    with pytest.raises(DataError, match="--resume"):
        fit(recipe, data, tmp_path)


def test_a_recipe_that_starts_from_a_model_uses_its_weights(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    first = fit(recipe, data, tmp_path / "first", max_steps=2)
    still = replace(recipe.training, init="demo-nb", learning_rate=0.0, weight_decay=0.0)
    second = replace(recipe, training=still)
    with pytest.raises(RecipeError, match="--init"):
        fit(second, data, tmp_path / "second")
    init = tmp_path / "first/export"
    tuned = fit(second, data, tmp_path / "second", init=init, max_steps=1)
    for one, other in zip(first.parameters(), tuned.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-3)


def test_training_lowers_the_loss(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    numbers = replace(recipe.training, steps=15, decay_steps=1, evaluate_every=15)
    losses: list[float] = []
    fit(
        replace(recipe, training=numbers),
        data,
        tmp_path,
        report=lambda progress: losses.append(progress.loss),
    )
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])


def test_the_fast_layout_computes_what_transformers_computes(recipe: Recipe) -> None:
    model = random_model(recipe.model, recipe.training, seed=1).eval()
    waves = torch.randn(2, 9001)
    mask = torch.ones(2, 9001, dtype=torch.long)
    mask[1, 6000:] = 0
    odd = replace(recipe.model, conv_kernel=(20, 7, 8, 3))
    for shape in (recipe.model, odd):
        model = random_model(shape, recipe.training, seed=1).eval()
        with torch.inference_mode():
            expected = model(waves, attention_mask=mask).logits
            assert torch.allclose(
                use_fast_layout(model)(waves, attention_mask=mask).logits, expected, atol=1e-5
            )


def test_the_rate_warms_up_stays_and_falls_to_the_end() -> None:
    numbers = replace(
        load_recipe("demo-da").training,
        steps=100,
        warmup_steps=10,
        decay_steps=40,
        learning_rate=1.0,
        final_learning_rate=0.0,
    )
    assert [learning_rate(step, numbers) for step in (0, 9, 30, 59)] == [0.1, 1.0, 1.0, 1.0]
    assert learning_rate(80, numbers) == pytest.approx(0.5)
    assert learning_rate(99, numbers) == pytest.approx(1 / 40)


def test_an_epoch_has_every_utterance_once_in_full_batches_of_like_length() -> None:
    seconds = [1 + (index * 37 % 90) / 10 for index in range(300)]
    batches = plan_epoch(seconds, budget=40, seed=3, epoch=0, shortest_first=False)
    assert sorted(index for batch in batches for index in batch) == list(range(300))
    lengths = [[seconds[index] for index in batch] for batch in batches]
    assert all(max(group) * len(group) <= 40 for group in lengths)
    padded = sum(max(group) * len(group) for group in lengths)
    assert sum(seconds) / padded > 0.9
    assert batches != plan_epoch(seconds, budget=40, seed=3, epoch=1, shortest_first=False)
    ordered = plan_epoch(seconds, budget=40, seed=3, epoch=0, shortest_first=True)
    longest = [max(seconds[index] for index in batch) for batch in ordered]
    assert longest[:5] < longest[-5:]
    assert all(late > 0.9 * early for early, late in pairwise(longest))


def test_a_longer_schedule_begins_like_a_shorter_one() -> None:
    seconds = [1.0 + index % 7 for index in range(50)]
    short, long = (
        Schedule(seconds, budget=20, sorted_epochs=1, seed=1, steps=steps) for steps in (15, 60)
    )
    assert [short.batch(step) for step in range(15)] == [long.batch(step) for step in range(15)]
    assert long.epoch(0) == 0.0
    assert long.epoch(60) > long.epoch(15) > 0.9


def test_a_batch_is_normalised_and_padded_with_zeros(data: Path) -> None:
    batch = collate(read_split(data, "train"), [0, 1, 2])
    lengths = batch.mask.sum(-1)
    for row, length in zip(batch.waveforms, lengths, strict=True):
        assert row[:length].mean().item() == pytest.approx(0, abs=1e-4)
        assert row[:length].std().item() == pytest.approx(1, abs=1e-3)
        assert not row[length:].any()
    assert batch.target_lengths.sum() == len(batch.targets)


def test_text_survives_encoding_and_a_ctc_path() -> None:
    path = [index for token in encode("allé går".replace("é", "e")) for index in (token, 31)]
    assert collapse(path) == "alle går"
    assert collapse([1, 1, 31, 1, 0, 0, 30, 2]) == "aa b"
    assert TOKENS[0] == "|"
    assert TOKENS[-4:] == ("[UNK]", "[PAD]", "<s>", "</s>")


def test_a_recipe_with_a_wrong_key_is_refused(tmp_path: Path) -> None:
    text = Path(load_recipe.__code__.co_filename).with_name("recipes") / "demo-da.toml"
    broken = tmp_path / "broken.toml"
    for old, new, message in (
        ("seed =", "sede =", "lacks seed"),
        ("heads = 4", 'heads = "4"', "heads must be int"),
        ('normalisation = "corrected"', 'normalisation = "other"', "corrected, strict"),
        ("[model]", "[model]\nlearners = 3", "unknown keys learners"),
        ("rate = [130, 190]", "rate = [130]", "must have 2 values"),
        ("[text]", "[text", "is not TOML"),
    ):
        broken.write_text(text.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        with pytest.raises(RecipeError, match=message):
            load_recipe(broken)
    with pytest.raises(RecipeError, match="bundled: demo-da"):
        load_recipe("demo-xx")


def test_rows_are_joined_to_a_length_with_their_texts_in_order(data: Path) -> None:
    split = read_split(data, "train")
    alone = collate(split, [0, 1, 2])
    joined = collate(split, [0, 1, 2], join_seconds=3600.0)
    assert len(alone.waveforms) == 3
    assert len(joined.waveforms) == 1
    texts = " ".join(split.utterances[index].text for index in (0, 1, 2))
    assert joined.targets.tolist() == encode(texts)
    assert joined.seconds >= alone.seconds
    enough = split.utterances[0].seconds + 0.1
    assert len(collate(split, [0, 1, 2], join_seconds=enough).waveforms) == 2
    again = collate(split, [0, 1, 2], join_seconds=3600.0)
    assert torch.equal(joined.waveforms, again.waveforms)
