"""Chooses the numbers of a fine-tuning from the hours of speech and the size of the model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, inf
from typing import Any, Literal

from app.audio.frames import FrameGrid
from trainer.memory import count_parameters
from trainer.recipe import (
    AdaptationRecipe,
    AugmentationRecipe,
    DataRecipe,
    ModelRecipe,
    Optimiser,
    Recipe,
    TrainingRecipe,
)
from trainer.recipe_rules import SAMPLE_RATE
from trainer.schedule import total_steps

Method = Literal["full", "adamw8bit", "adafactor", "lora"]

SEED = 42
MIN_LETTERS, MIN_SECONDS, MAX_SECONDS = 1, 0.5, 30.0

# Times through the data, up to so many hours of them.
_EPOCHS = ((2.0, 30.0), (20.0, 15.0), (inf, 6.0))
# A head that is made new has the letters to learn as well.
_NEW_HEAD = 2.5
# Rates of AdamW, up to so many weights.
_RATES = ((3e7, 5e-4), (2e8, 1e-4), (inf, 5e-5))
# Adafactor's rates are relative to the weights, whose mean size is 0.02 to 0.05; LoRA's matrices
# begin at zero and are few.
_RATE_OF_METHOD: Mapping[Method, float] = {
    "full": 1.0,
    "adamw8bit": 1.0,
    "adafactor": 30.0,
    "lora": 6.0,
}
OPTIMISERS: Mapping[Method, Optimiser] = {
    "full": "adamw",
    "adamw8bit": "adamw8bit",
    "adafactor": "adafactor",
    "lora": "adamw",
}
_UPDATE_SECONDS = 160.0
_UPDATES_AN_EPOCH = 10
_WARMUP_SHARE = 0.1
_EVALUATIONS = 10
_LORA_RANK, _LORA_ALPHA = 16, 32.0


@dataclass(frozen=True, slots=True)
class Speech:
    """What the data are: the references of the splits, and figures of that for training.

    `own_test` is false where the test split is that for validation.
    """

    train: str
    valid: str
    test: str
    utterances: int
    seconds: float
    longest: float
    own_test: bool


def model_recipe(
    config: Mapping[str, Any], init: str, *, vocabulary: int, checkpointing: bool
) -> ModelRecipe:
    """Returns the shape and the regularisation that the weights were trained with.

    Args:
        config: all values of a `Wav2Vec2Config`.
        init: where the weights are.
        vocabulary: tokens of the head.
        checkpointing: gradient checkpointing.
    """
    convolutions = tuple(zip(config["conv_kernel"], config["conv_stride"], strict=True))
    shortest = FrameGrid.of_convolutions(convolutions).frames(round(MIN_SECONDS * SAMPLE_RATE))
    masked = 1.0 if config["apply_spec_augment"] else 0.0
    hidden = config["hidden_size"]
    return ModelRecipe(
        init=init,
        fallbacks=(),
        vocabulary_size=vocabulary,
        conv_dim=tuple(config["conv_dim"]),
        conv_kernel=tuple(config["conv_kernel"]),
        conv_stride=tuple(config["conv_stride"]),
        hidden_size=hidden,
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        intermediate_size=config["intermediate_size"],
        position_kernel=config["num_conv_pos_embeddings"],
        position_groups=config["num_conv_pos_embedding_groups"],
        hidden_dropout=float(config["hidden_dropout"]),
        attention_dropout=float(config["attention_dropout"]),
        activation_dropout=float(config["activation_dropout"]),
        feat_proj_dropout=float(config["feat_proj_dropout"]),
        final_dropout=float(config["final_dropout"]),
        layerdrop=float(config["layerdrop"]),
        mask_time_prob=masked * float(config["mask_time_prob"]),
        mask_time_length=max(1, min(int(config["mask_time_length"]), shortest)),
        mask_time_min_masks=int(config["mask_time_min_masks"]),
        mask_feature_prob=masked * float(config["mask_feature_prob"]),
        mask_feature_length=max(1, min(int(config["mask_feature_length"]), hidden)),
        zero_infinity=True,
        loss_per="token",
        freeze_feature_encoder=True,
        gradient_checkpointing=checkpointing,
    )


def finetuning_recipe(
    name: str,
    language: str,
    speech: Speech,
    model: ModelRecipe,
    *,
    method: Method,
    new_head: bool,
    parts: int = 1,
    steps: int | None = None,
) -> Recipe:
    """Returns the recipe of a fine-tuning.

    Args:
        name: its id.
        language: da, nb or nn.
        speech: the data.
        model: the weights.
        method: `full` trains all weights by AdamW, `adamw8bit` all by AdamW with states of 8 bits,
            `adafactor` all by Adafactor, `lora` small matrices beside them.
        new_head: whether the letters have to be learnt, too.
        parts: micro-batches of an update.
        steps: updates; None follows from the hours.
    """
    update = min(_UPDATE_SECONDS, speech.seconds / _UPDATES_AN_EPOCH)
    batch = max(ceil(update / parts), ceil(speech.longest))
    data = DataRecipe(
        train=(speech.train,),
        valid=(speech.valid,),
        test=(speech.test,),
        normalisation="corrected",
        min_letters=MIN_LETTERS,
        min_seconds=MIN_SECONDS,
        max_seconds=max(2 * MIN_SECONDS, float(ceil(speech.longest))),
        train_samples=speech.utterances,
        train_seconds=round(speech.seconds, 1),
    )
    rate = _first(_RATES, count_parameters(model).total) * _RATE_OF_METHOD[method]
    training = TrainingRecipe(
        epochs=0.0 if steps else epochs(speech.seconds / 3600, new_head=new_head),
        steps=steps or 0,
        schedule="linear",
        warmup_steps=0,
        decay_steps=0,
        learning_rate=float(f"{rate:.2g}"),
        final_learning_rate=0.0,
        betas=(0.9, 0.98),
        epsilon=1e-8,
        weight_decay=0.0,
        max_grad_norm=1.0,
        device_batch=0,
        batch_seconds=float(batch),
        accumulation=max(1, round(update / batch)),
        join_seconds=(),
        join_from_step=0,
        sorted_epochs=0,
        precision="auto",
        log_every=1,
        evaluate_every=1,
        evaluate_utterances=1000,
        keep_checkpoints=2,
        select="validation" if speech.own_test else "last",
        average_checkpoints=1,
        early_stop_evaluations=0,
    )
    total = total_steps(data, training)
    training = replace(
        training,
        warmup_steps=int(_WARMUP_SHARE * total),
        evaluate_every=max(1, total // _EVALUATIONS),
        log_every=max(1, min(50, total // 50)),
    )
    lora = method == "lora"
    return Recipe(
        id=name,
        language=language,
        seed=SEED,
        data=data,
        model=model,
        training=training,
        adaptation=AdaptationRecipe(
            keep_vocabulary=not new_head,
            optimiser=OPTIMISERS[method],
            lora_rank=min(_LORA_RANK, model.hidden_size) if lora else 0,
            lora_alpha=_LORA_ALPHA if lora else 0.0,
        ),
        augmentation=AugmentationRecipe(
            speed_share=0.5, speed=(0.9, 1.1), noise_share=0.3, noise_snr_db=(10.0, 40.0)
        ),
        language_model=None,
        text=None,
        synthesis=None,
        distillation=None,
    )


def epochs(hours: float, *, new_head: bool) -> float:
    """Returns how many times to go through so many hours of speech."""
    return _first(_EPOCHS, hours) * (_NEW_HEAD if new_head else 1.0)


def _first(table: tuple[tuple[float, float], ...], value: float) -> float:
    return next(found for limit, found in table if value <= limit)
