"""Plans of recipes, compared with the published logs and with real models."""

import json
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import Wav2Vec2ForCTC, get_linear_schedule_with_warmup

from trainer.errors import RecipeError
from trainer.memory import BatchShape, count_parameters, training_memory
from trainer.model import SPECIAL, configuration, random_model
from trainer.plan import plan
from trainer.published import implied_samples, published_log
from trainer.recipe import ModelRecipe, bundled_recipes, load_recipe
from trainer.schedule import learning_rate, steps_per_epoch, total_steps
from trainer.training.order import Schedule, UpdateSize

NYNORSK, DANISH = "wav2vec2-xlsr-1B-NPSC-NN", "wav2vec2-large-danish-npsc-nst"


@pytest.mark.parametrize(("name", "rows"), [(NYNORSK, 46), (DANISH, 284)])
def test_plan_gives_the_steps_and_epochs_of_the_published_log(name: str, rows: int) -> None:
    recipe = load_recipe(name)
    planned = plan(recipe)
    every = recipe.training.evaluate_every
    steps = range(every, planned.total_steps + 1, every)
    log = published_log(name)
    assert len(log) == len(steps) == planned.evaluations == rows
    assert [(row.step, row.epoch) for row in log] == [
        (step, round(step / planned.steps_per_epoch, 2)) for step in steps
    ]


@pytest.mark.parametrize(
    ("name", "steps", "total", "batch", "samples"),
    [
        (NYNORSK, 465, 23_250, 16, (7433, 7440)),
        (DANISH, 9487, 142_305, 32, (303_569, 303_600)),
    ],
)
def test_plan_gives_the_figures_of_the_published_trainings(
    name: str, steps: int, total: int, batch: int, samples: tuple[int, int]
) -> None:
    planned = plan(load_recipe(name))
    assert planned.steps_per_epoch == steps
    assert planned.total_steps == total
    assert planned.effective_batch == batch
    assert planned.samples_implied == samples
    assert samples[0] <= planned.samples <= samples[1]
    assert not planned.estimated


def test_implied_sample_range_is_exact() -> None:
    recipe = load_recipe(DANISH)
    planned = plan(recipe)
    assert planned.samples_implied
    low, high = planned.samples_implied
    counts = {
        samples: steps_per_epoch(replace(recipe.data, train_samples=samples), recipe.training)
        for samples in (low - 1, low, high, high + 1)
    }
    assert list(counts.values()) == [9486, 9487, 9487, 9488]


def test_inconsistent_log_implies_no_sample_count() -> None:
    log = published_log(NYNORSK)
    assert implied_samples(log, steps_per_epoch=464, device_batch=8, accumulation=2) == (0, 0)


@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("name", bundled_recipes())
def test_several_devices_keep_the_updates_of_a_recipe(name: str, devices: int) -> None:
    one, several = (plan(load_recipe(name), devices=count) for count in (1, devices))
    assert several.effective_batch == pytest.approx(one.effective_batch, rel=0.01)
    assert several.total_steps == pytest.approx(one.total_steps, rel=0.005)
    assert several.memory.total <= one.memory.total


def test_batches_are_smaller_where_accumulation_is_less_than_the_devices() -> None:
    recipe = load_recipe(NYNORSK)
    planned = [plan(recipe, devices=devices) for devices in (1, 2, 4)]
    assert [(one.accumulation, one.device_batch) for one in planned] == [(2, 8), (1, 8), (1, 4)]
    assert {one.total_steps for one in planned} == {23_250}


def test_scaled_batches_make_larger_and_fewer_updates_on_more_devices() -> None:
    recipe = load_recipe(DANISH)
    one, four = (plan(recipe, devices=devices, scale_batch=True) for devices in (1, 4))
    assert four.effective_batch == 4 * one.effective_batch
    assert four.steps_per_epoch == pytest.approx(one.steps_per_epoch / 4, abs=1)
    assert four.total_steps == 15 * four.steps_per_epoch
    assert four.memory == one.memory


def test_linear_schedule_equals_that_of_transformers() -> None:
    training = load_recipe(NYNORSK).training
    numbers = replace(training, warmup_steps=7, learning_rate=6e-5)
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=6e-5)
    theirs = get_linear_schedule_with_warmup(optimiser, 7, 40)
    for step in range(40):
        assert learning_rate(step, numbers, 40) == pytest.approx(theirs.get_last_lr()[0])
        optimiser.step()
        theirs.step()


def test_schedule_has_warm_up_constant_and_decay_phases() -> None:
    numbers = replace(
        load_recipe("demo-da").training,
        schedule="plateau",
        warmup_steps=10,
        decay_steps=40,
        learning_rate=1.0,
        final_learning_rate=0.0,
    )
    assert [learning_rate(step, numbers, 100) for step in (0, 9, 30, 59)] == [0.1, 1.0, 1.0, 1.0]
    assert learning_rate(80, numbers, 100) == pytest.approx(0.5)
    assert learning_rate(99, numbers, 100) == pytest.approx(1 / 40)
    raised = replace(numbers, final_learning_rate=0.2)
    assert learning_rate(80, raised, 100) == pytest.approx(0.6)


def test_plan_shows_rates_of_default_and_requested_updates() -> None:
    planned = plan(load_recipe(NYNORSK), at=[1000])
    rates = {rate.step: rate.learning_rate for rate in planned.learning_rates}
    assert sorted(rates) == [0, 1000, 2000, 5812, 11_625, 17_437, 23_249]
    assert rates[0] == 0
    assert rates[1000] == pytest.approx(3e-5)
    assert rates[2000] == pytest.approx(6e-5)
    with pytest.raises(RecipeError, match="0 to 23249, and no 23250"):
        plan(load_recipe(NYNORSK), at=[23_250])


def test_estimated_batches_by_seconds_are_close_to_those_of_training() -> None:
    recipe = load_recipe(f"{NYNORSK}-improved")
    training = recipe.training
    # Lengths as sentences of a parliament have them: many short, some long.
    seconds = [0.5 + 29.5 * ((index * 0.618034) % 1) ** 3.4 for index in range(6580)]
    data = replace(recipe.data, train_seconds=sum(seconds))
    size = UpdateSize(0, training.batch_seconds, accumulation=training.accumulation)
    real = Schedule(seconds, size, sorted_epochs=0, seed=1, steps=1000)
    full = next(step for step in range(1000) if real.epoch(step) >= 1)
    estimate = steps_per_epoch(data, training)
    assert estimate == pytest.approx(full, rel=0.05)
    planned = plan(replace(recipe, data=data))
    assert planned.estimated
    assert planned.samples_implied is None
    assert planned.effective_batch == pytest.approx(6580 / full, rel=0.06)
    assert planned.total_steps == total_steps(data, training) == 50 * estimate


@pytest.mark.parametrize("name", bundled_recipes())
def test_parameter_count_equals_that_of_the_model(name: str) -> None:
    model = load_recipe(name).model
    letters = tuple(chr(0x3400 + index) for index in range(model.vocabulary_size - len(SPECIAL)))
    with torch.device("meta"):
        real = Wav2Vec2ForCTC(configuration(model, (*letters, *SPECIAL)))
    if model.freeze_feature_encoder:
        real.freeze_feature_encoder()
    count = count_parameters(model)
    assert count.total == sum(weight.numel() for weight in real.parameters())
    assert count.trainable == sum(
        weight.numel() for weight in real.parameters() if weight.requires_grad
    )


class PeakMemory(TorchDispatchMode):  # type: ignore[misc]
    """Adds up the storages that are alive at the same time."""

    def __init__(self, already: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self._known: dict[int, Any] = {}
        self._live = self.bytes = 0
        for tensor in already:
            self._add(tensor)

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self._add(tensor)
        return out

    def _add(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return

        def gone(_: object) -> None:
            self._live -= size
            del self._known[key]

        self._known[key] = weakref.ref(storage, gone)
        self._live += size
        self.bytes = max(self.bytes, self._live)


def small(*, dropout: float, frozen: bool) -> ModelRecipe:
    return replace(
        load_recipe("demo-da").model,
        conv_dim=(32, 32, 32, 32),
        hidden_size=64,
        intermediate_size=256,
        heads=4,
        layers=4,
        position_kernel=16,
        position_groups=4,
        mask_time_prob=0.0,
        layerdrop=0.0,
        hidden_dropout=dropout,
        attention_dropout=dropout,
        activation_dropout=dropout,
        feat_proj_dropout=dropout,
        freeze_feature_encoder=frozen,
    )


TOLERANCE = 0.12


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(("dropout", "frozen"), [(0.0, False), (0.1, False), (0.1, True)])
def test_estimated_memory_is_within_an_eighth_of_a_real_update(
    dropout: float, *, frozen: bool, half: bool, checkpointing: bool
) -> None:
    shape = small(dropout=dropout, frozen=frozen)
    model = random_model(shape, seed=1).train()
    model.set_attn_implementation("eager")
    if frozen:
        model.freeze_feature_encoder()
    if checkpointing:
        model.activation_checkpointing_enable()
        # The estimate, and our training, leave the front end as it is.
        for layer in model.wav2vec2.feature_extractor.conv_layers:
            layer.gradient_checkpointing = False
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trained, fused=True)

    def update(samples: int) -> None:
        waves, mask = torch.randn(2, samples), torch.ones(2, samples, dtype=torch.long)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = model(waves, attention_mask=mask).logits
        logits.float().log_softmax(-1).square().mean().backward()
        optimiser.step()

    update(4_000)
    optimiser.zero_grad(set_to_none=True)
    states = [value for state in optimiser.state.values() for value in state.values()]
    peak = PeakMemory([*(weight.data for weight in model.parameters()), *states])
    with peak:
        update(64_000)
    estimate = training_memory(
        shape, BatchShape(2, 4.0), half=half, device="cpu", checkpointing=checkpointing
    )
    assert estimate.total == pytest.approx(peak.bytes, rel=TOLERANCE)


def test_largest_batch_is_full_with_rows_of_maximum_length() -> None:
    recipe = load_recipe("nb-1b-nynorsk")
    assert plan(load_recipe(NYNORSK)).largest_batch == BatchShape(8, 30.0)
    assert plan(recipe).largest_batch == BatchShape(3, 28.0)
    joined = replace(recipe.training, join_seconds=(0.0, 84.0))
    assert plan(replace(recipe, training=joined)).largest_batch == BatchShape(1, 84.0)


def test_training_of_1b_with_checkpointing_fits_24_gib() -> None:
    planned = plan(load_recipe(NYNORSK))
    assert planned.gradient_checkpointing
    assert planned.memory.total < 24 * 2**30 < planned.memory_otherwise.total


def test_plan_command_prints_its_keys_without_importing_torch() -> None:
    watched = (
        "import sys; from trainer.cli.command import app; import trainer.cli.plan; "
        f"app(['plan', '{NYNORSK}', '--json', '--at', '7', '--at', '8'], standalone_mode=False); "
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", watched], capture_output=True, text=True, check=True
    )
    printed = json.loads(done.stdout)
    assert printed["steps_per_epoch"] == 465
    assert printed["total_steps"] == 23_250
    assert printed["effective_batch"] == 16
    assert printed["parameters"] == 962_557_615
    assert {7, 8} <= {rate["step"] for rate in printed["learning_rates"]}


def test_plan_page_shows_the_expected_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from trainer.cli.command import app

    app(["plan", DANISH], standalone_mode=False)
    printed = capsys.readouterr().out
    for part in (
        "9,487 an epoch, 142,305 in all",
        "32 utterances an update",
        "303,569 to 303,600",
        "315,480,745",
        "449.4 h an epoch",
        "16 x 20 s",
        "on (recipe)",
    ):
        assert part in printed
