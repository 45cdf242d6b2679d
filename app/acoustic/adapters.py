"""Which language's adapter and vocabulary of a multilingual checkpoint are served.

MMS (Pratap et al. 2023, arXiv:2305.13516) has one encoder, and for each language a small
adapter in every layer, a CTC head and a vocabulary: `adapter.<code>.safetensors` (or `.bin`)
and one entry of `vocab.json`. The codes are ISO 639-3's: `nob`, `nno`, `dan`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import torch

from app.acoustic.config import EncoderConfig
from app.acoustic.tokens import language_codes, listed, tokenizer_language
from app.acoustic.weights import expected_shapes, read_file, under_one_name
from app.errors import CheckpointError

TARGET_LANG = re.compile(r"[A-Za-z]{2,}[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Adapter:
    """The adapter of one language.

    Attributes:
        code: the language; None for a checkpoint that has no languages.
        weights: what goes over the checkpoint's own weights; empty where those are the
            language's already.
    """

    code: str | None
    weights: dict[str, torch.Tensor]


def read_adapter(folder: Path, config: EncoderConfig, target_lang: str | None) -> Adapter:
    """Chooses the language of a checkpoint and reads its adapter.

    `target_lang` goes first, then the tokenizer's own `target_lang`, then the only language that
    `vocab.json` has a vocabulary for. The weights beside the adapters are assumed to be those
    of the tokenizer's language where it has no file of its own.

    Args:
        folder: the checkpoint.
        config: its shape.
        target_lang: the code of the language to serve; None leaves it to the checkpoint.

    Raises:
        CheckpointError: the checkpoint has no such language, more than one and none is named, or
            an adapter that does not fit.
    """
    own, codes = tokenizer_language(folder), language_codes(folder)
    files = _adapter_files(folder) if config.adapter_dim is not None else {}
    code = _choose(folder, target_lang, own, codes, files)
    if code is None:
        return Adapter(None, {})
    if code in files:
        return Adapter(code, _read(files[code], config))
    if code != own and (files or (own is not None and config.adapter_dim is not None)):
        raise CheckpointError(
            f"{folder} lacks adapter.{code}.safetensors; its own weights are"
            f" {f'those of {own!r}' if own else 'of no language that it names'}, and it has"
            f" adapters for: {listed(tuple(files))}"
        )
    return Adapter(code, {})


def _choose(
    folder: Path,
    target_lang: str | None,
    own: str | None,
    codes: tuple[str, ...],
    files: dict[str, Path],
) -> str | None:
    if target_lang is not None:
        if not TARGET_LANG.fullmatch(target_lang):
            raise CheckpointError(
                f"target_lang is {target_lang!r}; accepted are codes such as 'nob' or 'dan'",
            )
        if target_lang not in (codes or {*files, own}):
            raise CheckpointError(
                f"{folder} has no language {target_lang!r} to serve (target_lang); it has:"
                f" {listed(codes or tuple(files))}"
            )
        return target_lang
    if own is not None and TARGET_LANG.fullmatch(own) and (not codes or own in codes):
        return own
    if len(codes) > 1:
        raise CheckpointError(
            f"{folder / 'vocab.json'} holds vocabularies of {len(codes)} languages"
            f" ({listed(codes)}); name the one to serve by target_lang in the model's card or in"
            " NORDLYD_TARGET_LANGS"
        )
    return codes[0] if codes else None


def _adapter_files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for suffix in ("safetensors", "bin"):
        for path in sorted(folder.glob(f"adapter.*.{suffix}")):
            found.setdefault(path.name.removeprefix("adapter.").removesuffix(f".{suffix}"), path)
    return found


def _read(path: Path, config: EncoderConfig) -> dict[str, torch.Tensor]:
    weights = under_one_name(path, read_file(path), config)
    needed = {name for name, _ in expected_shapes(config) if _is_of_language(name)}
    missing, foreign = sorted(needed - weights.keys()), sorted(weights.keys() - needed)
    if missing or foreign:
        raise CheckpointError(
            f"{path} is no adapter of this model: it "
            + (f"lacks {missing[0]}" if missing else f"holds {foreign[0]}")
        )
    return weights


def _is_of_language(name: str) -> bool:
    return ".adapter_layer." in name or name.startswith("lm_head.")
