"""Checks that the values of a recipe do not contradict each other; errors are one line.

What is checked here would otherwise end a training hours after its start, or spoil its result
unnoticed: a schedule shorter than its warm-up, a mask longer than the shortest utterance,
a test split that was trained on.
"""

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from app.audio.frames import FrameGrid
from app.splits import SPLITS
from trainer.distillation_rules import start_problems
from trainer.errors import RecipeError
from trainer.recipe_schema import (
    AugmentationRecipe,
    DataRecipe,
    LanguageModelRecipe,
    MixtureRecipe,
    ModelRecipe,
    Recipe,
    SynthesisRecipe,
    TextRecipe,
    TrainingRecipe,
)
from trainer.schedule import total_steps

LANGUAGES = ("da", "nb", "nn")
SYNTHESISED = "synthesised"
OWN_SOURCES = (SYNTHESISED, "manifest", "annotations")
PUBLISHED_SOURCES = (
    "npsc",
    "npsc-nynorsk",
    "npsc-bokmaal",
    "nst-norwegian",
    "nst-norwegian-distant",
    "nst-danish",
    "ftspeech",
    "coral-read-aloud",
    "coral-conversation",
    "fleurs-da",
    "fleurs-nb",
    "common-voice-da",
    "common-voice-nn",
)
"""What `trainer.data.sources` opens; named here so that reading a recipe needs none of it."""

SAMPLE_RATE = 16_000
_SPECIAL_TOKENS = 5  # the word delimiter, [UNK], [PAD], <s> and </s>
_PAIR = 2
_COUNTS_OF_MODEL = (
    "vocabulary_size",
    "hidden_size",
    "layers",
    "heads",
    "intermediate_size",
    "position_kernel",
    "position_groups",
    "mask_time_length",
    "mask_feature_length",
)
_COUNTS_OF_TRAINING = (
    "accumulation",
    "log_every",
    "evaluate_every",
    "evaluate_utterances",
    "keep_checkpoints",
    "average_checkpoints",
)
_NOT_NEGATIVE = (
    "warmup_steps",
    "decay_steps",
    "final_learning_rate",
    "weight_decay",
    "sorted_epochs",
    "join_from_step",
    "early_stop_evaluations",
)


def check(recipe: Recipe, where: str) -> None:
    """Raises an error for the first contradiction.

    Raises:
        RecipeError: the message begins with `where`, names the keys and the accepted values.
    """
    for problem in _problems(recipe):
        raise RecipeError(f"{where}: {problem}")


def _problems(recipe: Recipe) -> Iterator[str]:
    if not recipe.id or not recipe.id.strip():
        yield "id must not be empty"
    if recipe.language not in LANGUAGES:
        yield f"language must be one of {', '.join(LANGUAGES)}, not {recipe.language!r}"
    if recipe.seed < 0:
        yield f"seed must not be negative, and is {recipe.seed}"
    for name in ("text", "synthesis", "augmentation"):
        yield from _ranges_and_shares(name, getattr(recipe, name))
    yield from _data(recipe.data)
    yield from _speech(recipe)
    yield from _model(recipe.model, recipe.data)
    yield from _training(recipe.training)
    yield from _adaptation(recipe)
    yield from _schedule(recipe)
    yield from _selection(recipe)
    if recipe.language_model:
        yield from _language_model(recipe.language_model, recipe)
    yield from start_problems(recipe)


def _ranges_and_shares(
    table: str, part: TextRecipe | SynthesisRecipe | AugmentationRecipe | MixtureRecipe | None
) -> Iterator[str]:
    """Every pair of numbers is a range from low to high, every `…_share` a probability."""
    for field in fields(part) if part else ():
        value: Any = getattr(part, field.name)
        share = field.name.endswith("_share") and value is not None
        if share and not 0 <= value <= 1:
            yield f"{table}.{field.name} must be from 0 to 1, and is {value:g}"
        pair = isinstance(value, tuple) and len(value) == _PAIR
        if pair and not isinstance(value[0], str) and value[0] > value[1]:
            yield f"{table}.{field.name} must go from low to high, not {value[0]:g} to {value[1]:g}"


def _data(data: DataRecipe) -> Iterator[str]:
    for key in SPLITS:
        sources: tuple[str, ...] = getattr(data, key)
        if not sources:
            yield f"data.{key} must name at least one source, such as npsc-nynorsk/{key}"
        for source in sources:
            if not _is_source(source):
                yield (
                    f"data.{key} has no source {source!r}; accepted are SOURCE/SPLIT with one of "
                    f"{', '.join((*OWN_SOURCES, *PUBLISHED_SOURCES))}, or one of "
                    f"{', '.join(f'{kind}:PATH' for kind in OWN_SOURCES)}"
                )
    for key in ("valid", "test"):
        if both := shared_sources(data.train, getattr(data, key)):
            yield f"data.{key} must not hold what is trained on: {', '.join(both)}"
    if data.min_letters < 1:
        yield f"data.min_letters must be at least 1, and is {data.min_letters}"
    if not 0 < data.min_seconds < data.max_seconds:
        yield "data.min_seconds must be above 0 and below data.max_seconds"
    if data.train_samples < 1:
        yield f"data.train_samples must be at least 1, and is {data.train_samples}"
    mean = data.train_seconds / max(1, data.train_samples)
    if not data.min_seconds <= mean <= data.max_seconds:
        yield (
            f"data.train_seconds over data.train_samples is {mean:.2f} s an utterance, and must "
            f"be from data.min_seconds to data.max_seconds"
        )


def _is_source(reference: str) -> bool:
    kind, colon, path = reference.partition(":")
    if colon:
        return kind in OWN_SOURCES and bool(path)
    name, _, split = reference.rpartition("/")
    return name in {*OWN_SOURCES, *PUBLISHED_SOURCES} and bool(split)


def shared_sources(one: tuple[str, ...], other: tuple[str, ...]) -> list[str]:
    """Returns the sources in both; a split may be called valid or validation."""
    whole = [{re.sub("/valid$", "/validation", name) for name in names} for names in (one, other)]
    return sorted(whole[0] & whole[1])


def _speech(recipe: Recipe) -> Iterator[str]:
    data, synthesis = recipe.data, recipe.synthesis
    sources = {
        re.split("[:/]", source, maxsplit=1)[0] for source in (*data.train, *data.valid, *data.test)
    }
    if f"{SYNTHESISED}/train" in data.train and not (recipe.text and synthesis):
        yield "the source synthesised/train needs the tables [text] and [synthesis]"
    if synthesis and SYNTHESISED not in sources:
        yield "[synthesis] is there, but no split has the source synthesised"
    if synthesis and synthesis.max_seconds > data.max_seconds:
        yield "synthesis.max_seconds must not be above data.max_seconds"
    if synthesis:
        yield from _synthesisers(synthesis)
        seen = set(synthesis.train_variants)
        again = seen & {*synthesis.valid_variants, *synthesis.test_variants}
        if again:
            yield f"synthesis.train_variants must not hold voices of valid or test: {sorted(again)}"


def _synthesisers(synthesis: SynthesisRecipe) -> Iterator[str]:
    shares = {"kokoro": synthesis.kokoro_share, "piper": synthesis.piper_share}
    for name, share in shares.items():
        if (name in synthesis.voices.split("+")) != bool(share):
            yield (
                f"synthesis.{name}_share must be above 0 where synthesis.voices has {name}, and "
                "only there"
            )
    if sum(shares.values()) > 1:
        yield "synthesis.kokoro_share and piper_share must be 1 at most together"


def _model(model: ModelRecipe, data: DataRecipe) -> Iterator[str]:
    layers = (model.conv_dim, model.conv_kernel, model.conv_stride)
    if len({len(values) for values in layers}) > 1 or not model.conv_dim:
        yield "model.conv_dim, conv_kernel and conv_stride must have one value a layer each"
    if any(value < 1 for values in layers for value in values):
        yield "model.conv_dim, conv_kernel and conv_stride must be at least 1"
    for name in _COUNTS_OF_MODEL:
        if getattr(model, name) < 1:
            yield f"model.{name} must be at least 1, and is {getattr(model, name)}"
    if model.vocabulary_size <= _SPECIAL_TOKENS:
        yield f"model.vocabulary_size counts the {_SPECIAL_TOKENS} special tokens, and must be more"
    for name in ("heads", "position_groups"):
        if model.hidden_size % getattr(model, name):
            yield f"model.hidden_size must be a multiple of model.{name}"
    yield from _regularisation(model, data)
    if not model.init:
        yield "model.init must be random or the id of the weights to start from"
    if model.init == "random" and model.fallbacks:
        yield "model.fallbacks must be empty where model.init is random"


def _regularisation(model: ModelRecipe, data: DataRecipe) -> Iterator[str]:
    for field in fields(model):
        value = getattr(model, field.name)
        probability = field.name.endswith(("dropout", "drop", "_prob"))
        if probability and not 0 <= value < 1:
            yield f"model.{field.name} must be from 0 to below 1, and is {value:g}"
    shortest = frames(model, data.min_seconds)
    if model.mask_time_prob and model.mask_time_length > shortest:
        yield (
            f"model.mask_time_length must fit the shortest utterance: data.min_seconds has "
            f"{shortest} frames, and the mask {model.mask_time_length}"
        )
    if model.mask_time_min_masks < 0:
        yield "model.mask_time_min_masks must not be negative"
    if model.mask_feature_prob and model.mask_feature_length > model.hidden_size:
        yield "model.mask_feature_length must not be above model.hidden_size"


def frames(model: ModelRecipe, seconds: float) -> int:
    """Returns how many frames of emissions so many seconds of audio have."""
    layers = zip(model.conv_kernel, model.conv_stride, strict=True)
    return FrameGrid.of_convolutions(layers).frames(round(seconds * SAMPLE_RATE))


def _training(training: TrainingRecipe) -> Iterator[str]:
    for one, other in (("epochs", "steps"), ("device_batch", "batch_seconds")):
        values = getattr(training, one), getattr(training, other)
        if min(values) != 0 or max(values) <= 0:
            yield f"training.{one} or training.{other} must be above 0, and the other 0"
    for name in _COUNTS_OF_TRAINING:
        if getattr(training, name) < 1:
            yield f"training.{name} must be at least 1, and is {getattr(training, name)}"
    for name in _NOT_NEGATIVE:
        if getattr(training, name) < 0:
            yield f"training.{name} must not be negative, and is {getattr(training, name)}"
    for name in ("learning_rate", "epsilon", "max_grad_norm"):
        if getattr(training, name) <= 0:
            yield f"training.{name} must be above 0, and is {getattr(training, name)}"
    if training.final_learning_rate > training.learning_rate:
        yield "training.final_learning_rate must not be above training.learning_rate"
    if not all(0 <= beta < 1 for beta in training.betas):
        yield "training.betas must be from 0 to below 1"
    longest = max(training.join_seconds, default=0.0)
    if longest and not training.batch_seconds:
        yield "training.join_seconds needs batches of training.batch_seconds"
    elif longest > training.batch_seconds:
        yield "training.join_seconds must not be above training.batch_seconds"


def _adaptation(recipe: Recipe) -> Iterator[str]:
    adaptation = recipe.adaptation
    if adaptation is None:
        return
    if recipe.model.init == "random":
        yield "[adaptation] needs weights to start from, and model.init is random"
    if adaptation.lora_rank < 0 or adaptation.lora_alpha < 0:
        yield "adaptation.lora_rank and lora_alpha must not be negative"
    if bool(adaptation.lora_rank) != bool(adaptation.lora_alpha):
        yield "adaptation.lora_rank and lora_alpha must be above 0, or both 0"
    if adaptation.lora_rank > recipe.model.hidden_size:
        yield "adaptation.lora_rank must not be above model.hidden_size"
    if adaptation.lora_rank and not recipe.model.freeze_feature_encoder:
        yield "model.freeze_feature_encoder must be true where adaptation.lora_rank is above 0"
    if adaptation.lora_rank and recipe.training.average_checkpoints > 1:
        yield "training.average_checkpoints must be 1 where adaptation.lora_rank is above 0"


def _schedule(recipe: Recipe) -> Iterator[str]:
    training = recipe.training
    steps = total_steps(recipe.data, training)
    falling = training.schedule == "plateau"
    if falling != bool(training.decay_steps):
        yield "training.decay_steps must be above 0 for the schedule plateau, and 0 for linear"
    if training.warmup_steps + training.decay_steps > steps:
        yield (
            f"training.warmup_steps and decay_steps are {training.warmup_steps} and "
            f"{training.decay_steps}, more than the {steps} steps there are"
        )


def _selection(recipe: Recipe) -> Iterator[str]:
    training = recipe.training
    if training.average_checkpoints > training.keep_checkpoints:
        yield "training.average_checkpoints must not be above training.keep_checkpoints"
    if training.early_stop_evaluations and training.select != "validation":
        yield 'training.early_stop_evaluations needs select = "validation"'
    seen = shared_sources(recipe.data.valid, recipe.data.test)
    if training.select == "validation" and seen:
        yield (
            f'training.select = "validation" would choose by the test split: data.valid and '
            f"data.test both hold {', '.join(seen)}"
        )


def _language_model(model: LanguageModelRecipe, recipe: Recipe) -> Iterator[str]:
    if model.order < 1 or len(model.prune) != model.order:
        yield (
            f"language_model.prune must have one threshold for each of the {model.order} orders, "
            f"not {len(model.prune)}"
        )
    if any(low > high for low, high in zip(model.prune, model.prune[1:], strict=False)):
        yield "language_model.prune must not fall from one order to the next"
    if any(threshold < 0 for threshold in model.prune):
        yield "language_model.prune must not be negative"
    if not (model.sources and model.alphas and model.betas):
        yield "language_model.sources, alphas and betas must not be empty"
    if model.beam_width < 1 or model.max_unigrams < 0:
        yield "language_model.beam_width must be at least 1, and max_unigrams 0 or more"
    if model.mixture:
        yield from _ranges_and_shares("language_model.mixture", model.mixture)
        if model.mixture.everyday_share + model.mixture.frequent_words_share >= 1:
            yield "the shares of language_model.mixture must leave something for the text"
    if "sentences" in model.sources and not recipe.text:
        yield "language_model.sources has sentences, which need the table [text]"
