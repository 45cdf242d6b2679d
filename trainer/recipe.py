"""A recipe file in, one frozen value with every number of a training out."""

import tomllib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from app.text import Mode
from trainer.errors import RecipeError

RECIPES = Path(__file__).resolve().parent / "recipes"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TextRecipe:
    """Where sentences come from and which are kept.

    `locales` are folder names below which message catalogues and pages count as this
    language; `function_words` are words of which a sentence must hold at least one.
    """

    packages: tuple[str, ...]
    locales: tuple[str, ...]
    normalisation: Mode
    min_words: int
    max_words: int
    max_word_letters: int
    function_words: tuple[str, ...]
    foreign_words: tuple[str, ...]
    valid_share: float
    test_share: float


@dataclass(frozen=True, slots=True)
class SynthesisRecipe:
    """How sentences are spoken and what happens to the speech on its way to the microphone.

    Rates are in words a minute, pitch is 0..100, gains and ratios are in dB; shares are the
    part of the utterances that something happens to.
    """

    voice: str
    train_variants: tuple[str, ...]
    valid_variants: tuple[str, ...]
    test_variants: tuple[str, ...]
    rate: tuple[int, int]
    pitch: tuple[int, int]
    gain_db: tuple[float, float]
    noise_share: float
    noise_snr_db: tuple[float, float]
    room_share: float
    room_seconds: tuple[float, float]
    band_share: float
    codec_share: float
    speed_share: float
    speed: tuple[float, float]
    silence_seconds: tuple[float, float]
    max_seconds: float
    train_sentences: int
    valid_sentences: int
    test_sentences: int
    number_share: float


@dataclass(frozen=True, slots=True)
class DataRecipe:
    """Which speech each split is made of, and which of it is kept.

    `train`, `valid` and `test` name sources and their splits, such as `npsc-nynorsk/train`.
    `train_samples` and `train_seconds` are what is left of the training split after the
    filters: what `plan` reckons with before there are data. Lengths are in seconds.
    """

    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]
    normalisation: Mode
    min_letters: int
    min_seconds: float
    max_seconds: float
    train_samples: int
    train_seconds: float


@dataclass(frozen=True, slots=True)
class ModelRecipe:
    """The shape and the regularisation of a wav2vec2 CTC model.

    `init` is `random` or the hub id of the weights to start from; `fallbacks` are tried in
    turn where that is gone. `vocabulary_size` counts the special tokens; lengths of `mask_*`
    are in frames and features.
    """

    init: str
    fallbacks: tuple[str, ...]
    vocabulary_size: int
    conv_dim: tuple[int, ...]
    conv_kernel: tuple[int, ...]
    conv_stride: tuple[int, ...]
    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    position_kernel: int
    position_groups: int
    hidden_dropout: float
    attention_dropout: float
    activation_dropout: float
    feat_proj_dropout: float
    final_dropout: float
    layerdrop: float
    mask_time_prob: float
    mask_time_length: int
    mask_feature_prob: float
    mask_feature_length: int
    zero_infinity: bool
    freeze_feature_encoder: bool
    gradient_checkpointing: bool


@dataclass(frozen=True, slots=True)
class AugmentationRecipe:
    """What is done to a waveform each time it is read in training; shares are probabilities."""

    speed_share: float
    speed: tuple[float, float]
    noise_share: float
    noise_snr_db: tuple[float, float]


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """Optimiser, schedule and batches.

    Either `epochs` or `steps` says how long, the other is 0. Batches hold either
    `device_batch` utterances or up to `batch_seconds` of padded audio; the other is 0.
    `schedule` is `linear` (down to `final_learning_rate`) or `plateau` (constant, then linear
    over the last `decay_steps`). `precision` is fp16, bf16, fp32 or auto (fp16 on CUDA, bf16
    on a CPU that has it, else fp32). `select` is `last` or `validation`; of the checkpoints
    kept, the last `average_checkpoints` are averaged. `early_stop_evaluations` without a
    better WER end the training, never before step 1,500; 0 means never.
    """

    epochs: float
    steps: int
    schedule: Literal["linear", "plateau"]
    warmup_steps: int
    decay_steps: int
    learning_rate: float
    final_learning_rate: float
    betas: tuple[float, float]
    epsilon: float
    weight_decay: float
    max_grad_norm: float
    device_batch: int
    batch_seconds: float
    accumulation: int
    join_seconds: tuple[float, ...]
    join_from_step: int
    sorted_epochs: int
    precision: Literal["fp16", "bf16", "fp32", "auto"]
    log_every: int
    evaluate_every: int
    evaluate_utterances: int
    keep_checkpoints: int
    select: Literal["last", "validation"]
    average_checkpoints: int
    early_stop_evaluations: int


@dataclass(frozen=True, slots=True)
class LanguageModelRecipe:
    """An n-gram model: `prune` holds KenLM's count thresholds, one for each order.

    `sources` are `sentences` (the training sentences of [text]), `transcripts` (those of the
    training split) or paths of text files; `alphas` and `betas` are the grid of `tune`.
    """

    sources: tuple[str, ...]
    order: int
    prune: tuple[int, ...]
    alphas: tuple[float, ...]
    betas: tuple[float, ...]
    beam_width: int
    max_unigrams: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything needed to make one model again; `seed` drives every random choice.

    `text` and `synthesis` are there where the speech is synthesised.
    """

    id: str
    language: str
    seed: int
    data: DataRecipe
    model: ModelRecipe
    training: TrainingRecipe
    augmentation: AugmentationRecipe | None
    language_model: LanguageModelRecipe | None
    text: TextRecipe | None
    synthesis: SynthesisRecipe | None


def load_recipe(reference: str | Path) -> Recipe:
    """Read a recipe by file name, or by id among the bundled ones.

    Raises:
        RecipeError: no such recipe, not TOML, or a key that is missing, unknown or of
            the wrong kind.
    """
    path = Path(reference)
    if not path.is_file():
        path = RECIPES / f"{reference}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in RECIPES.glob("*.toml")))
        raise RecipeError(f"no recipe {str(reference)!r}; bundled: {known}")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is not TOML: {error}") from error
    return _build(Recipe, document, path.name)


def _build(kind: type[T], table: dict[str, Any], where: str) -> T:
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    optional = {name for name in names if get_origin(hints[name]) is UnionType}
    if missing := sorted(names - optional - table.keys()):
        raise RecipeError(f"{where} lacks {', '.join(missing)}")
    if unknown := sorted(table.keys() - names):
        raise RecipeError(f"{where} has unknown keys {', '.join(unknown)}")
    return kind(
        **{
            name: _value(hints[name], table[name], f"{where}: {name}") if name in table else None
            for name in names
        }
    )


def _value(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - any field of any recipe
    if get_origin(kind) is UnionType:
        kind = next(part for part in get_args(kind) if part is not NoneType)
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise RecipeError(f"{where} must be a table")
        return _build(kind, value, where)  # type: ignore[arg-type]
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise RecipeError(f"{where} must be a list")
        kinds = get_args(kind)
        if kinds[-1] is Ellipsis:
            kinds = (kinds[0],) * len(value)
        if len(kinds) != len(value):
            raise RecipeError(f"{where} must have {len(kinds)} values")
        return tuple(_value(k, v, where) for k, v in zip(kinds, value, strict=True))
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise RecipeError(f"{where} must be one of {', '.join(get_args(kind))}")
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise RecipeError(f"{where} must be {kind.__name__}, not {value!r}")
    return value
