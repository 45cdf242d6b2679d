"""Writes a model folder from a model, a run or a checkpoint."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from transformers import Wav2Vec2ForCTC

from app.kenlm_file import find_model, write_checksum
from trainer.errors import DataError
from trainer.export.average import average_checkpoints, last_checkpoints
from trainer.export.companions import copy_companions
from trainer.export.layouts import Checkpoint, Layout, write_2022, write_today
from trainer.export.tokens import Tokens, read_tokens
from trainer.lora import merged_state
from trainer.model import TOKENS

Format = Literal["transformers", "onnx", "sherpa-onnx", "ctranslate2"]

LANGUAGE_MODEL = "language_model"

# Other runtimes decode without a configuration of transformers, but tokens and features are
# those of these files.
_PROCESSOR_FILES = (
    "alphabet.json",
    "preprocessor_config.json",
    "processor_config.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
    "vocab.json",
)

_FEATURES: dict[str, Any] = {
    "do_normalize": True,
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "feature_size": 1,
    "padding_side": "right",
    "padding_value": 0.0,
    "return_attention_mask": True,
    "sampling_rate": 16000,
}


@dataclass(frozen=True, slots=True)
class Exported:
    """The folders whose weights were taken, and the companions that were copied."""

    weights: list[Path]
    companions: list[str]


def export_model(
    model: Wav2Vec2ForCTC,
    folder: Path,
    *,
    layout: Layout = "today",
    tokens: Sequence[str] = TOKENS,
    state: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Writes a model that is in memory.

    Args:
        model: in any precision; it is not changed.
        folder: made if it is not there.
        layout: which files to write.
        tokens: what the outputs stand for; by default those of the demo models.
        state: its weights; needed where it holds a part of them only.

    Raises:
        DataError: the head has another width than there are tokens, or a weight is beyond fp16.
    """
    if model.config.vocab_size != len(tokens):
        raise DataError(f"the head has {model.config.vocab_size} outputs for {len(tokens)} tokens")
    blank = model.config.pad_token_id
    if blank is None:
        raise DataError("the model's configuration names no pad_token_id, the CTC blank")
    named = Tokens.of(tokens, blank)
    checkpoint = _checkpoint(merged_state(model, state), model.config.to_dict(), named, _FEATURES)
    _write(folder, checkpoint, layout, language_model=None)


def export_folder(
    source: Path,
    folder: Path,
    *,
    to: Format = "transformers",
    layout: Layout = "today",
    average: int | None = None,
) -> Exported:
    """Writes a checkpoint, or the mean of the last ones of a run, for transformers or a runtime.

    With it go the language model, unless the runtime decodes greedily alone, and what describes
    the model: card, calibration, evaluation. A mean of checkpoints is another model than theirs,
    so only the language model goes with it.

    Args:
        source: a checkpoint folder in either layout, or a run folder: of that its `export`
            is taken, or its last checkpoint where there is none.
        folder: made if it is not there; must not be the source.
        to: what is to load it.
        layout: which files to write for transformers.
        average: how many of the run's last checkpoints to average.

    Raises:
        CheckpointError: the source cannot be read.
        DataError: the source is neither, or has fewer checkpoints than are to be averaged, or a
            weight is beyond fp16, or the runtime cannot compute such a model.
        ModuleNotFoundError: the extra `export` is not installed.
    """
    taken = _sources(source, average)
    if folder.resolve() in {path.resolve() for path in (source, *taken)}:
        raise DataError(f"{folder} is what is to be exported; name another folder")
    config = json.loads((taken[-1] / "config.json").read_text(encoding="utf-8"))
    found = next(
        (
            path
            for path in (taken[-1], source, source / "export")
            if (path / "vocab.json").is_file()
        ),
        taken[-1],
    )
    models = (path / LANGUAGE_MODEL for path in (taken[-1], source, source / "export"))
    language_model = next((path for path in models if path.is_dir()), None)
    checkpoint = _checkpoint(
        average_checkpoints(taken), config, read_tokens(found, config), _read_features(found)
    )
    if to == "transformers":
        _write(folder, checkpoint, layout, language_model=language_model)
    else:
        _convert(folder, checkpoint, to, language_model=language_model)
    companions = [] if average else copy_companions(taken[-1], folder)
    return Exported(taken, companions)


def load_stock(folder: Path) -> Wav2Vec2ForCTC:
    """Loads a checkpoint folder with stock transformers, in fp32 and ready to infer."""
    model: Wav2Vec2ForCTC = Wav2Vec2ForCTC.from_pretrained(folder, dtype=torch.float32)
    model.eval()  # type: ignore[no-untyped-call]
    return model


def _sources(source: Path, average: int | None) -> list[Path]:
    if average is not None:
        if (source / "config.json").is_file():
            raise DataError(f"{source} is one checkpoint; only those of a run can be averaged")
        return last_checkpoints(source, average)
    for path in (source, source / "export"):
        if (path / "config.json").is_file():
            return [path]
    if not any(source.glob("checkpoint-*")):
        raise DataError(f"{source} is neither a run folder nor a checkpoint folder")
    return last_checkpoints(source, 1)


def _read_features(folder: Path) -> dict[str, Any]:
    """Returns the feature extractor's settings; where a run has none yet, those of the family."""
    for name, key in (
        ("preprocessor_config.json", None),
        ("processor_config.json", "feature_extractor"),
    ):
        if (folder / name).is_file():
            content = json.loads((folder / name).read_text(encoding="utf-8"))
            found = content if key is None else content.get(key, {})
            return {name: found.get(name, value) for name, value in _FEATURES.items()}
    return _FEATURES


def _checkpoint(
    weights: dict[str, torch.Tensor],
    config: dict[str, Any],
    tokens: Tokens,
    features: dict[str, Any],
) -> Checkpoint:
    left_out = {"torch_dtype", "dtype", "_name_or_path"}
    kept = {key: value for key, value in config.items() if key not in left_out}
    return Checkpoint(
        {name: _halve(name, weight) for name, weight in weights.items()},
        kept | {"architectures": ["Wav2Vec2ForCTC"]},
        tokens,
        features,
    )


def _write(
    folder: Path, checkpoint: Checkpoint, layout: Layout, *, language_model: Path | None
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if layout == "today":
        write_today(folder, checkpoint, language_model=language_model is not None)
    else:
        write_2022(folder, checkpoint, language_model=language_model is not None)
    if language_model is not None:
        _copy_language_model(language_model, folder)


def _convert(
    folder: Path, checkpoint: Checkpoint, to: Format, *, language_model: Path | None
) -> None:
    convert = _converter(to)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as temporary:
        written = Path(temporary)
        write_today(written, checkpoint, language_model=language_model is not None)
        convert(written, folder)
        if to == "sherpa-onnx":
            return
        for name in _PROCESSOR_FILES:
            if (written / name).is_file():
                shutil.copyfile(written / name, folder / name)
    if language_model is not None:
        _copy_language_model(language_model, folder)


def _converter(to: Format) -> Callable[[Path, Path], None]:
    """Returns what writes a checkpoint for a runtime; each imports a package of its own."""
    if to == "ctranslate2":
        from trainer.export.ctranslate2_model import write_ctranslate2  # noqa: PLC0415

        return write_ctranslate2
    from trainer.export.onnx_model import write_onnx, write_sherpa_onnx  # noqa: PLC0415

    return write_sherpa_onnx if to == "sherpa-onnx" else write_onnx


def _copy_language_model(language_model: Path, folder: Path) -> None:
    copied = shutil.copytree(language_model, folder / LANGUAGE_MODEL, dirs_exist_ok=True)
    write_checksum(find_model(copied))


def _halve(name: str, weight: torch.Tensor) -> torch.Tensor:
    if not weight.is_floating_point():
        return weight.detach().cpu().contiguous()
    halved = weight.detach().to("cpu", torch.float16).contiguous()
    if not torch.isfinite(halved).all():
        raise DataError(f"{name} holds a value that is not a number or beyond what fp16 can hold")
    return halved
