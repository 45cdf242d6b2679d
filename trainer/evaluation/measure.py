"""Evaluates a checkpoint: the texts, errors and cost of each decoding of a test set.

The speech passes through the service's parts: its encoder, its greedy and its beam decoder, and the
language model that lies in the checkpoint folder.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from app.acoustic import load_checkpoint
from app.audio import SAMPLE_RATE
from app.catalogue import decoding_defaults
from app.decoding import (
    BeamDecoder,
    Decoder,
    DecodingOptions,
    GreedyDecoder,
    LanguageModel,
    load_language_model,
)
from app.text import normalise
from app.vocabulary import Vocabulary
from trainer.errors import DataError
from trainer.evaluation.alignment import Alignment, ErrorRates, align_characters, align_words
from trainer.evaluation.bootstrap import Bootstrap
from trainer.evaluation.digest import model_digest
from trainer.evaluation.emissions import Emitted, emit
from trainer.evaluation.test_set import Origin, TestSet

LANGUAGE_MODEL = "language_model"

DecodingName = Literal["greedy", "beam", "beam_lm"]
TITLES: dict[DecodingName, str] = {
    "greedy": "greedy",
    "beam": "beam search",
    "beam_lm": "beam search with language model",
}


@dataclass(frozen=True, slots=True)
class Utterance:
    """The reference text; `augmentation` names what was done to the sound."""

    reference: str
    speaker: str
    augmentation: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Decoding(ErrorRates):
    """What one decoder wrote, one text and two alignments an utterance; `seconds` it took."""

    name: DecodingName
    texts: tuple[str, ...]
    words: tuple[Alignment, ...]
    characters: tuple[Alignment, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures of speed hold for; `encoder_seconds` is the encoder's share of the work."""

    device: str
    dtype: str
    kernels: str
    threads: int
    encoder_seconds: float


@dataclass(frozen=True, slots=True)
class LanguageModelFacts:
    """The language model that was used, with its weights."""

    file: str
    order: int
    alpha: float
    beta: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results of a model on a test set.

    `digest` names the contents of the model's files. `decodings` are greedy and beam search,
    and beam search with the language model where the model has one.
    """

    model: str
    digest: str
    data: str
    origin: Origin | None
    utterances: tuple[Utterance, ...]
    decodings: tuple[Decoding, ...]
    bootstrap: Bootstrap
    machine: Machine
    beam_width: int
    language_model: LanguageModelFacts | None

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return sum(item.seconds for item in self.utterances)

    @property
    def final(self) -> Decoding:
        """The decoding that the service would use: with the language model where there is one."""
        named = {item.name: item for item in self.decodings}
        return named.get("beam_lm", named["greedy"])


def evaluate(
    model_folder: Path,
    test_set: TestSet,
    *,
    beam_width: int = 100,
    device: str = "auto",
    dtype: str = "float32",
) -> Evaluation:
    """Transcribes a test set by every decoder and compares.

    References and hypotheses are normalised as in training, so that a checkpoint that writes
    accents or punctuation has no errors for them.

    Args:
        model_folder: a checkpoint folder, with or without `language_model/`.
        test_set: what to transcribe.
        beam_width: hypotheses that the beam keeps.
        device: where to encode: auto, cuda, mps or cpu.
        dtype: in which precision: float32, bfloat16, float16 or auto.

    Raises:
        CheckpointError: the folder is no CTC checkpoint.
        ConfigurationError: its language model cannot be loaded.
        DataError: there is nothing to evaluate, or audio that cannot be read.
    """
    records = test_set.records
    references = [normalise(record.text) for record in records]
    if not any(references):
        raise DataError("there is nothing to evaluate: no utterance has a text")
    model = load_checkpoint(model_folder, device, dtype)
    folder = model_folder / LANGUAGE_MODEL
    defaults = decoding_defaults(model_folder)
    language_model = load_language_model(folder, defaults) if folder.is_dir() else None
    emitted, encoder_seconds = emit(model, records)
    frame_seconds = model.hop / SAMPLE_RATE
    return Evaluation(
        model=model_folder.resolve().name,
        digest=model_digest(model_folder),
        data=test_set.name,
        origin=test_set.origin,
        utterances=tuple(
            Utterance(reference, item.speaker, augmentation, item.seconds)
            for reference, item, augmentation in zip(
                references, emitted, test_set.augmentations, strict=True
            )
        ),
        decodings=tuple(
            _decode(name, decoder, emitted, references, frame_seconds)
            for name, decoder in _decoders(model.vocabulary, beam_width, language_model).items()
        ),
        bootstrap=Bootstrap([record.speaker for record in records]),
        machine=Machine(
            model.device, model.dtype, model.kernels, torch.get_num_threads(), encoder_seconds
        ),
        beam_width=beam_width,
        language_model=None
        if language_model is None
        else LanguageModelFacts(
            language_model.path.name,
            language_model.order,
            language_model.alpha,
            language_model.beta,
        ),
    )


def _decoders(
    vocabulary: Vocabulary, beam_width: int, language_model: LanguageModel | None
) -> dict[DecodingName, Decoder]:
    options = DecodingOptions(beam_width=beam_width)
    decoders: dict[DecodingName, Decoder] = {
        "greedy": GreedyDecoder(vocabulary),
        "beam": BeamDecoder(vocabulary, options),
    }
    if language_model is not None:
        decoders["beam_lm"] = BeamDecoder(vocabulary, options, language_model)
    return decoders


def _decode(
    name: DecodingName,
    decoder: Decoder,
    emitted: Sequence[Emitted],
    references: Sequence[str],
    frame_seconds: float,
) -> Decoding:
    began = time.perf_counter()
    texts = [
        decoder.decode(item.emissions, frame_seconds=frame_seconds, duration=item.seconds).text
        for item in emitted
    ]
    seconds = time.perf_counter() - began
    texts = [normalise(text) for text in texts]
    return Decoding(
        name,
        tuple(texts),
        align_words(references, texts),
        align_characters(references, texts),
        seconds,
    )
