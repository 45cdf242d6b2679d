"""The recipe that fine-tuning makes: its numbers by hours, size and memory, and as a file."""

from dataclasses import replace
from pathlib import Path

import pytest

from trainer.errors import TrainingError
from trainer.finetuning.memory import METHODS, choose, free_memory
from trainer.finetuning.recipe import Method, Speech, finetuning_recipe
from trainer.finetuning.write import write_recipe
from trainer.plan import plan
from trainer.recipe import Recipe, load_recipe
from trainer.recipe_rules import check

GIB = 2**30
BILLION = "nb-1b-nynorsk"


def made(
    hours: float,
    name: str = BILLION,
    *,
    method: Method = "full",
    checkpointing: bool = True,
    parts: int = 1,
    new_head: bool = False,
) -> Recipe:
    model = replace(
        load_recipe(name).model,
        init="/models/own",
        fallbacks=(),
        freeze_feature_encoder=True,
        gradient_checkpointing=checkpointing,
    )
    speech = Speech(
        "manifest:/data/train",
        "manifest:/data/valid",
        "manifest:/data/test",
        round(720 * hours),
        3600 * hours,
        18.3,
        own_test=True,
    )
    return finetuning_recipe(
        "own", "nn", speech, model, method=method, new_head=new_head, parts=parts
    )


@pytest.mark.parametrize(
    ("hours", "epochs", "updates"), [(1.0, 30, 750), (10.0, 15, 3_400), (100.0, 6, 14_600)]
)
def test_more_hours_are_gone_through_fewer_times(hours: float, epochs: int, updates: int) -> None:
    recipe = made(hours)
    check(recipe, "own")
    planned = plan(recipe)
    assert planned.epochs == pytest.approx(epochs, rel=0.02)
    assert planned.total_steps == pytest.approx(updates, rel=0.1)
    assert planned.effective_batch_seconds == pytest.approx(160, rel=0.15)
    assert recipe.training.warmup_steps == planned.total_steps // 10
    assert planned.evaluations >= 10
    assert recipe.training.learning_rate == 5e-5


def test_little_speech_still_has_ten_updates_an_epoch() -> None:
    assert plan(made(0.1)).steps_per_epoch >= 10


def test_small_models_take_larger_steps_and_new_heads_more_of_them() -> None:
    assert made(1.0, "demo-nn").training.learning_rate > made(1.0).training.learning_rate
    assert made(1.0, new_head=True).training.epochs == 2.5 * made(1.0).training.epochs
    assert not made(1.0, new_head=True).adaptation.keep_vocabulary  # type: ignore[union-attr]


@pytest.mark.parametrize("method", METHODS)
def test_written_recipe_is_read_back_as_it_was(tmp_path: Path, method: Method) -> None:
    recipe = made(10.0, method=method)
    write_recipe(recipe, tmp_path / "recipe.toml")
    assert load_recipe(tmp_path / "recipe.toml") == recipe


@pytest.mark.parametrize(
    ("free", "method"),
    [(80, "full"), (24, "full"), (16, "adamw8bit"), (12, "adafactor"), (10, "lora")],
)
def test_first_method_that_fits_is_chosen_for_1b(free: int, method: Method) -> None:
    choice = choose(
        lambda chosen, checkpointing, parts: made(
            10.0, method=chosen, checkpointing=checkpointing, parts=parts
        ),
        METHODS,
        free=free * GIB,
        device="cuda",
    )
    assert choice.method == method
    assert choice.memory.total <= 0.9 * free * GIB
    seconds = choice.recipe.training.batch_seconds * choice.recipe.training.accumulation
    assert seconds == pytest.approx(160, rel=0.2)
    check(choice.recipe, "own")


def test_memory_that_does_not_suffice_is_one_error_before_any_update() -> None:
    with pytest.raises(
        TrainingError, match=r"at the least \(full\).*--method adamw8bit or adafactor or lora"
    ):
        choose(
            lambda chosen, checkpointing, parts: made(
                10.0, method=chosen, checkpointing=checkpointing, parts=parts
            ),
            ("full",),
            free=10 * GIB,
            device="cuda",
        )


def test_free_memory_of_this_machine_is_found() -> None:
    assert 0 < free_memory("cpu") < 2**50
