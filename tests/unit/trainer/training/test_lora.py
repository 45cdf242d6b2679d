"""Fine-tuning in little memory: LoRA, Adafactor and 8-bit AdamW, with gradient checkpointing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from app.acoustic import load_checkpoint
from trainer.errors import RecipeError
from trainer.export import load_stock
from trainer.lora import add_lora, lora_state, merged_state, separated
from trainer.memory import BatchShape, count_parameters, training_memory
from trainer.model import TOKENS, random_model
from trainer.recipe import AdaptationRecipe, Recipe
from trainer.recipe_rules import check
from trainer.training import Progress, fit
from trainer.training.optimizer import make_optimizer

LORA = AdaptationRecipe(keep_vocabulary=True, optimiser="adamw", lora_rank=4, lora_alpha=8.0)
ADAFACTOR = replace(LORA, optimiser="adafactor", lora_rank=0, lora_alpha=0.0)
EIGHT_BIT = replace(ADAFACTOR, optimiser="adamw8bit")
ADAPTATIONS = {"lora": LORA, "adafactor": ADAFACTOR, "adamw8bit": EIGHT_BIT}
RATES = {"lora": 5e-3, "adafactor": 3e-2, "adamw8bit": 1e-3}


@pytest.fixture(scope="module")
def start(recipe: Recipe, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a training that emits blanks only, as every training does at first."""
    run = tmp_path_factory.mktemp("start")
    numbers = replace(recipe.training, steps=20, decay_steps=1, evaluate_every=20)
    fit(replace(recipe, training=numbers), data, run)
    return run / "export"


def adapted(recipe: Recipe, start: Path, method: str, steps: int = 30) -> Recipe:
    model = replace(
        recipe.model,
        init=str(start),
        freeze_feature_encoder=True,
        gradient_checkpointing=True,
        mask_time_prob=0.01,
        mask_feature_prob=0.0,
        hidden_dropout=0.0,
    )
    numbers = replace(
        recipe.training,
        steps=steps,
        decay_steps=1,
        learning_rate=RATES[method],
        evaluate_every=steps,
        log_every=steps,
        join_from_step=steps,
        weight_decay=0.0,
    )
    return replace(recipe, model=model, training=numbers, adaptation=ADAPTATIONS[method])


@pytest.mark.long
@pytest.mark.parametrize("method", ADAPTATIONS)
def test_method_of_little_memory_learns(
    recipe: Recipe, start: Path, data: Path, tmp_path: Path, method: str
) -> None:
    losses: list[float] = []

    def note(progress: Progress) -> None:
        if not progress.validation:
            losses.append(progress.loss)

    own = adapted(recipe, start, method)
    check(own, "own")
    model = fit(own, data, tmp_path, report=note)
    assert sum(losses[-3:]) < 0.85 * sum(losses[:3])
    before = load_stock(start).state_dict()
    after = merged_state(model)
    moved = {name for name, value in before.items() if not torch.equal(value, after[name])}
    layers = {name for name in moved if "encoder.layers" in name}
    assert len(layers) == 12 if method == "lora" else len(layers) > 12
    assert not any("feature_extractor" in name for name in moved)
    assert {"lm_head.weight", "lm_head.bias"} <= moved


@pytest.mark.long
def test_low_rank_training_is_resumed_to_the_same_weights_and_exported_whole(
    recipe: Recipe, start: Path, data: Path, tmp_path: Path
) -> None:
    own = adapted(recipe, start, "lora", steps=4)
    whole = fit(own, data, tmp_path / "whole").state_dict()
    fit(own, data, tmp_path / "parts", max_steps=2)
    parts = fit(own, data, tmp_path / "parts", resume=True)
    assert all(torch.equal(value, parts.state_dict()[name]) for name, value in whole.items())
    merged = merged_state(parts)
    assert {"wav2vec2.encoder.layers.0.attention.q_proj.weight", "lm_head.weight"} <= merged.keys()
    assert not any("q_proj.param" in name for name in merged)
    last = load_file(tmp_path / "parts/checkpoint-4/model.safetensors")
    assert all(torch.equal(value, merged[name]) for name, value in last.items())
    stock = load_stock(tmp_path / "parts/export").state_dict()
    assert all(torch.allclose(stock[name], value, atol=1e-3) for name, value in merged.items())
    wave = np.random.default_rng(1).standard_normal(16000).astype(np.float32)
    assert load_checkpoint(tmp_path / "parts/export").emissions([wave])[0].shape[1] == len(TOKENS)


@pytest.mark.long
def test_training_in_8_bits_is_resumed_to_the_same_weights(
    recipe: Recipe, start: Path, data: Path, tmp_path: Path
) -> None:
    own = adapted(recipe, start, "adamw8bit", steps=4)
    whole = fit(own, data, tmp_path / "whole").state_dict()
    fit(own, data, tmp_path / "parts", max_steps=2)
    parts = fit(own, data, tmp_path / "parts", resume=True).state_dict()
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_merged_and_separate_weights_are_those_of_the_model(recipe: Recipe) -> None:
    model = random_model(recipe.model, seed=1)
    plain = dict(model.state_dict())
    add_lora(model, rank=2, alpha=4.0, seed=1)
    assert all(torch.equal(value, plain[name]) for name, value in merged_state(model).items())
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith(".b"):
                value.normal_()
    merged = merged_state(model)
    assert merged.keys() == plain.keys()
    query = "wav2vec2.encoder.layers.1.attention.q_proj.weight"
    assert not torch.equal(merged[query], plain[query])
    model.load_state_dict(separated(merged, lora_state(model)))


@pytest.mark.parametrize("adaptation", [LORA, ADAFACTOR, EIGHT_BIT])
@pytest.mark.parametrize("frozen", [True, False])
def test_memory_of_weights_gradients_and_states_is_what_training_has(
    recipe: Recipe, adaptation: AdaptationRecipe, *, frozen: bool
) -> None:
    shape = replace(recipe.model, freeze_feature_encoder=frozen)
    own = replace(recipe, model=shape, adaptation=adaptation)
    model = random_model(shape, seed=1)
    if frozen:
        model.freeze_feature_encoder()
    if adaptation.lora_rank:
        add_lora(model, rank=adaptation.lora_rank, alpha=adaptation.lora_alpha, seed=1)
    optimizer = make_optimizer(model, own)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in trained:
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    states = sum(
        value.nbytes
        for state in optimizer.state.values()
        for name, value in state.items()
        if name != "step"
    )
    planned = training_memory(
        shape,
        BatchShape(1, 1.0),
        half=False,
        device="cpu",
        checkpointing=True,
        adaptation=adaptation,
    )
    count = count_parameters(shape, adaptation)
    assert count.total == sum(weight.numel() for weight in model.parameters())
    assert count.trainable == sum(weight.numel() for weight in trained)
    assert planned.gradients == sum(weight.nbytes for weight in trained)
    assert planned.optimiser == pytest.approx(states, rel=0.01)


@pytest.mark.parametrize(
    ("adaptation", "message"),
    [
        (replace(LORA, lora_alpha=0.0), "lora_rank and lora_alpha must be above 0, or both 0"),
        (replace(LORA, lora_rank=33), "lora_rank must not be above model.hidden_size"),
        (replace(LORA, lora_rank=-1), "must not be negative"),
    ],
)
def test_contradicting_adaptation_is_refused(
    recipe: Recipe, adaptation: AdaptationRecipe, message: str
) -> None:
    model = replace(recipe.model, init="own", freeze_feature_encoder=True)
    with pytest.raises(RecipeError, match=message):
        check(replace(recipe, model=model, adaptation=adaptation), "own")
    with pytest.raises(RecipeError, match="needs weights to start from"):
        check(replace(recipe, adaptation=LORA), "own")
