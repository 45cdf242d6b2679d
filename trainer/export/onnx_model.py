"""Writes a checkpoint as an ONNX model, for ONNX Runtime and for sherpa-onnx.

The normalisation of the feature extractor is part of the model, so that it takes plain samples.
"""

import importlib
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import Wav2Vec2ForCTC

from app.audio import SAMPLE_RATE
from app.audio.frames import FrameGrid
from trainer.errors import DataError
from trainer.export.tokens import Tokens, read_tokens

MODEL, SYMBOLS = "model.onnx", "tokens.txt"
INPUT, OUTPUT = "waveforms", "log_probs"

_EPSILON = 1e-7
"""Added to the variance by the feature extractor of transformers."""

_ONE_FILE = 1_500_000_000
"""Bytes of weights that go into the model's own file: protobuf ends at 2 GiB."""

_SHERPA_HOP = 320
"""Samples of a frame in sherpa-onnx, which has 20 ms for every model of samples."""

_LOWEST = -1e4


class _Emissions(torch.nn.Module):
    """Computes log-probabilities [items, frames, tokens] from waveforms [items, samples].

    Args:
        model: whose logits are taken.
        normalise: give each waveform zero mean and unit variance first.
        blank: index of the CTC blank.
        silent: tokens that no text has; they count as the blank.
    """

    _is_blank: torch.Tensor
    _is_silent: torch.Tensor

    def __init__(
        self, model: Wav2Vec2ForCTC, *, normalise: bool, blank: int, silent: tuple[int, ...]
    ) -> None:
        super().__init__()
        self._model = model
        self._normalise = normalise
        self._blanks = [blank, *silent]
        places = torch.arange(model.lm_head.out_features)
        self.register_buffer("_is_blank", places == blank)
        self.register_buffer(
            "_is_silent", torch.isin(places, torch.tensor(silent, dtype=torch.long))
        )

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        if self._normalise:
            centred = waveforms - waveforms.mean(-1, keepdim=True)
            waveforms = centred / (centred.square().mean(-1, keepdim=True) + _EPSILON).sqrt()
        found: torch.Tensor = self._model(waveforms).logits.log_softmax(-1)
        if len(self._blanks) == 1:
            return found
        blank = found[..., self._blanks].amax(-1, keepdim=True)
        found = torch.where(self._is_silent, _LOWEST, found)
        return torch.where(self._is_blank, blank, found)


def write_onnx(checkpoint: Path, folder: Path) -> None:
    """Writes `model.onnx`: waveforms [items, samples] → log-probabilities [items, frames, tokens].

    The waveforms of a call have one length: there is no mask for padding. The metadata of the
    model have its tokens, the blank and the samples of a frame.

    Args:
        checkpoint: a folder in today's layout.
        folder: where the file goes; weights above 1.5 GB go into `model.onnx.data`.

    Raises:
        DataError: the model is of another family than wav2vec2.
    """
    _write(checkpoint, folder, silent=())


def write_sherpa_onnx(checkpoint: Path, folder: Path) -> None:
    """Writes `model.onnx` and `tokens.txt` for `OfflineRecognizer.from_omnilingual_asr_ctc`.

    That is sherpa-onnx's recogniser of CTC models that take samples. It decodes greedily and
    writes every token but the blank: `[UNK]`, `<s>` and `</s>` are therefore made blanks, which
    leaves the text of every other path as it is.

    Args:
        checkpoint: a folder in today's layout.
        folder: where the files go.

    Raises:
        DataError: the model is of another family than wav2vec2, has frames of other than 20 ms,
            or takes samples that are not normalised.
    """
    config = _read(checkpoint / "config.json")
    hop = _grid(config).hop
    if hop != _SHERPA_HOP:
        raise DataError(
            f"the model has frames of {1000 * hop / SAMPLE_RATE:g} ms, and sherpa-onnx times "
            "models of samples by 20 ms; --to onnx takes any"
        )
    if not _normalises(checkpoint):
        raise DataError(
            "the model takes samples that are not normalised, and sherpa-onnx normalises them; "
            "--to onnx takes it as it is"
        )
    tokens = read_tokens(checkpoint, config)
    special = {tokens.unknown, tokens.start, tokens.end}
    silent = tuple(place for place, token in enumerate(tokens.tokens) if token in special)
    _write(checkpoint, folder, silent=silent)
    names = {tokens.blank: "<blk>", tokens.delimiter: "▁"}
    lines = [f"{names.get(token, token)} {place}\n" for place, token in enumerate(tokens.tokens)]
    (folder / SYMBOLS).write_text("".join(lines), encoding="utf-8")


def _write(checkpoint: Path, folder: Path, *, silent: tuple[int, ...]) -> None:
    config = _read(checkpoint / "config.json")
    if config.get("model_type") != "wav2vec2":
        raise DataError(f"only the family wav2vec2 becomes ONNX, not {config['model_type']}")
    # The exporter reports a package that is missing as an error of its own.
    importlib.import_module("onnxscript")
    tokens = read_tokens(checkpoint, config)
    model = Wav2Vec2ForCTC.from_pretrained(checkpoint, dtype=torch.float32)
    blank = tokens.tokens.index(tokens.blank)
    emissions = _Emissions(model, normalise=_normalises(checkpoint), blank=blank, silent=silent)
    size = sum(weight.numel() * weight.element_size() for weight in emissions.state_dict().values())
    # Of the exporter about itself: deprecations in what it calls, and torchvision, which is not
    # needed here.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            emissions.eval(),
            (torch.zeros(2, SAMPLE_RATE),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props.update(_metadata(config, tokens))
    program.save(folder / MODEL, external_data=size > _ONE_FILE)


def _metadata(config: dict[str, Any], tokens: Tokens) -> dict[str, str]:
    return {
        "sample_rate": str(SAMPLE_RATE),
        "frame_samples": str(_grid(config).hop),
        "blank": str(tokens.tokens.index(tokens.blank)),
        "tokens": json.dumps(tokens.tokens, ensure_ascii=False),
    }


def _grid(config: dict[str, Any]) -> FrameGrid:
    return FrameGrid.of_convolutions(zip(config["conv_kernel"], config["conv_stride"], strict=True))


def _normalises(checkpoint: Path) -> bool:
    return bool(_read(checkpoint / "preprocessor_config.json")["do_normalize"])


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
