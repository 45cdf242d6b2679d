"""Writes a recipe as the TOML file that `load_recipe` reads."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from trainer.recipe import Recipe

_WHY: Mapping[str, str] = {
    "seed": "any number will do",
    "train_samples": "counted",
    "train_seconds": "counted",
    "max_seconds": "the longest utterance there is",
    "init": "the weights to start from",
    "freeze_feature_encoder": "the convolutions fit any speech",
    "gradient_checkpointing": "by the memory there is",
    "zero_infinity": "one text too long for its audio would end the training",
    "mask_time_prob": "this and the other regularisation: as the weights were trained",
    "epochs": "30 up to 2 hours, 15 up to 20, 6 above; 2.5 times as many for a new head",
    "learning_rate": "by the number of weights and the optimiser",
    "warmup_steps": "a tenth",
    "weight_decay": "the weights stay near those they start from",
    "batch_seconds": "of a device at once, by the memory there is",
    "accumulation": "160 s an update, less of little speech, so that an epoch has 10 or more",
    "evaluate_every": "ten times",
    "keep_vocabulary": "its letters, and those that it lacks",
    "optimiser": "by the memory there is; adamw, adamw8bit or adafactor",
    "lora_rank": "0 trains every weight",
    "speed": "Ko et al. 2015, doi:10.21437/Interspeech.2015-711",
}


def write_recipe(recipe: Recipe, file: Path) -> None:
    """Writes a recipe, with what its numbers follow from."""
    lines = [
        "# Made by `finetune` from a model and a folder of speech. Every number may be changed:",
        "# `train` with this file and the data folder beside it trains with what is written here.",
    ]
    tables: list[str] = []
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if value is None:
            continue
        if is_dataclass(value):
            own = [_line(part.name, getattr(value, part.name)) for part in fields(value)]
            tables += ["", f"[{field.name}]", *own]
        else:
            lines.append(_line(field.name, value))
    file.write_text("\n".join([*lines, *tables]) + "\n", encoding="utf-8")


def _line(name: str, value: object) -> str:
    why = f"  # {_WHY[name]}" if name in _WHY else ""
    return f"{name} = {_toml(value)}{why}"


def _toml(value: Any) -> str:  # noqa: ANN401 - any field of any recipe
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return json.dumps(value, ensure_ascii=False)
