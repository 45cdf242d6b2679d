"""A recipe file in, one frozen value with every number of a training out."""

import tomllib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

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
    """How sentences are spoken. Rates in words a minute, pitch 0..100, gains in dB."""

    voice: str
    train_variants: tuple[str, ...]
    valid_variants: tuple[str, ...]
    test_variants: tuple[str, ...]
    rate: tuple[int, int]
    pitch: tuple[int, int]
    gain_db: tuple[float, float]
    noise_share: float
    noise_snr_db: tuple[float, float]
    silence_seconds: tuple[float, float]
    max_seconds: float
    train_sentences: int
    valid_sentences: int
    test_sentences: int


@dataclass(frozen=True, slots=True)
class ModelRecipe:
    """The shape of a wav2vec2 CTC model."""

    conv_dim: tuple[int, ...]
    conv_kernel: tuple[int, ...]
    conv_stride: tuple[int, ...]
    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    position_kernel: int
    position_groups: int
    dropout: float
    layerdrop: float


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """Optimiser, schedule and batches; lengths of `mask_*` are in frames and features."""

    init: str
    steps: int
    warmup_steps: int
    decay_steps: int
    learning_rate: float
    final_learning_rate: float
    betas: tuple[float, float]
    epsilon: float
    weight_decay: float
    max_grad_norm: float
    batch_seconds: float
    join_seconds: tuple[float, ...]
    sorted_epochs: int
    precision: str
    zero_infinity: bool
    mask_time_prob: float
    mask_time_length: int
    mask_feature_prob: float
    mask_feature_length: int
    evaluate_every: int
    evaluate_utterances: int
    checkpoint_every: int
    export_every: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything needed to make one model again; `seed` drives every random choice."""

    id: str
    language: str
    seed: int
    text: TextRecipe
    synthesis: SynthesisRecipe
    model: ModelRecipe
    training: TrainingRecipe


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
    if missing := sorted(names - table.keys()):
        raise RecipeError(f"{where} lacks {', '.join(missing)}")
    if unknown := sorted(table.keys() - names):
        raise RecipeError(f"{where} has unknown keys {', '.join(unknown)}")
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], table[name], f"{where}: {name}") for name in names})


def _value(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - any field of any recipe
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
    if kind is Mode:
        if value not in get_args(Mode):
            raise RecipeError(f"{where} must be one of {', '.join(get_args(Mode))}")
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise RecipeError(f"{where} must be {kind.__name__}, not {value!r}")
    return value
