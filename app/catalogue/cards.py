"""Reads a model.toml into a checked `ModelCard`; errors name the file and the field.

A fact that was not published is left out of a card.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.functional_validators import AfterValidator

from app.catalogue.languages import canonical_language
from app.errors import ConfigurationError

CARD_NAME = "model.toml"
HUB_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$"

# What may stand in a file's name: `nob`, `azj-script_latin`.
TARGET_LANG = r"^[A-Za-z]{2,}[A-Za-z0-9_-]*$"

_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
_Language = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([-_].+)?$"), AfterValidator(canonical_language)
]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(_Frozen):
    """One published number: what was measured, on what data, how, and who published it."""

    dataset: _Text
    metric: Literal["wer", "cer", "eval_loss"]
    value: float = Field(ge=0, description="WER and CER as a share: 0.15 is 15 %.")
    decoder: _Text = Field(description="How the text was decoded, or that it is unknown.")
    source: _Text = Field(description="Who published the number, and where.")


class DecodingDefaults(_Frozen):
    """Beam-search weights of this model; its own `language_model/attrs.json` takes precedence."""

    alpha: float | None = Field(default=None, ge=0, description="Weight of the language model.")
    beta: float | None = Field(default=None, description="Bonus for each word.")
    unk_score_offset: float | None = Field(default=None, le=0)
    unk_character_weight: float | None = Field(
        default=None,
        ge=0,
        description="Of the log10 probability of an unknown word's spelling; 0: the same penalty "
        "for all unknown words.",
    )
    unk_character_offset: float | None = Field(
        default=None, description="Added in place of `unk_score_offset` where there is that weight."
    )
    score_boundary: bool | None = None


class Layout(_Frozen):
    """What the folder of this model is expected to hold; informative, the loader reads the files.

    `2022` is `vocab.json` with `preprocessor_config.json` and often `pytorch_model.bin`;
    `current` is safetensors with `processor_config.json`.
    """

    style: Literal["2022", "current"] | None = None
    vocabulary: int | None = Field(default=None, gt=0, description="Tokens, and width of the head.")
    language_model: bool | None = Field(default=None, description="Has a language_model/ folder.")


class ModelCard(_Frozen):
    """The published facts of one model, and which requests it serves."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: _Text | None = None
    hub: Annotated[str, StringConstraints(pattern=HUB_ID)] | None = Field(
        default=None, description="Repository on the Hugging Face hub; none for a bundled model."
    )
    revision: _Text | None = Field(default=None, description="Commit, tag or branch to pull.")
    licence: _Text | None = None
    base: _Text | None = Field(
        default=None, description="The pretrained model it was fine-tuned from."
    )
    languages: tuple[_Language, ...] = Field(
        default=(),
        description="Codes, the main one first; none means served by explicit name only.",
    )
    priority: int = Field(
        default=0,
        description="Of several loaded models that have a language at the same place of their "
        "`languages`, the one with the highest priority serves it.",
    )
    target_lang: Annotated[str, StringConstraints(pattern=TARGET_LANG)] | None = Field(
        default=None,
        description="Adapter and vocabulary of a multilingual (MMS) checkpoint, by its own code: "
        "nob, nno, dan.",
    )
    parameters: int | None = Field(default=None, gt=0)
    recipe: _Text | None = Field(default=None, description="Name of the trainer's recipe.")
    notes: tuple[_Text, ...] = ()
    figures: tuple[Figure, ...] = ()
    decoding: DecodingDefaults = DecodingDefaults()
    layout: Layout = Layout()


def decoding_defaults(folder: Path) -> dict[str, float]:
    """Returns the weights under `decoding` in a model folder's card; none without a card.

    Raises:
        ConfigurationError: as `read_card`.
    """
    card = folder / CARD_NAME
    return read_card(card).decoding.model_dump(exclude_none=True) if card.is_file() else {}


def read_card(path: Path) -> ModelCard:
    """Reads one model.toml.

    Raises:
        ConfigurationError: unreadable, not TOML, or a field that is missing, unknown or wrong;
            the message names the file and the field.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from error
    try:
        return ModelCard.model_validate(data)
    except ValidationError as error:
        fields = [
            (".".join(str(part) for part in issue["loc"]), issue["msg"])
            for issue in error.errors(include_url=False)
        ]
        message = "; ".join(f"{field}: {reason}" for field, reason in fields)
        raise ConfigurationError(f"{path}: {message}", param=fields[0][0]) from error
