"""Computes the error rates of many decoder settings on the same emissions, in parallel.

Nothing here imports torch: the processes that decode start fast and stay small.
"""

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import jiwer
import numpy as np
from numpy.typing import NDArray

from app.decoding import (
    BeamDecoder,
    Decoder,
    DecodingOptions,
    GreedyDecoder,
    Hotword,
    LanguageModel,
    load_language_model,
)
from app.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class EncodedUtterances:
    """The emissions of a validation split and its reference texts.

    `emissions` are natural-log probabilities, float32 [frames, vocabulary], one an utterance;
    `seconds` their lengths, `frame_seconds` that of a frame.
    """

    vocabulary: Vocabulary
    frame_seconds: float
    emissions: tuple[NDArray[np.float32], ...]
    references: tuple[str, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """How to decode; `language_model` False searches by emissions alone, whatever alpha is.

    `spelling_weight` and `spelling_offset` are `unk_character_weight` and `unk_character_offset`.
    """

    alpha: float
    beta: float
    beam_width: int
    hotwords: tuple[str, ...] = ()
    hotword_weight: float = 0.0
    spelling_weight: float = 0.0
    spelling_offset: float = 0.0
    language_model: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """Error rates as shares; `hotwords_found` is the share of spoken hotwords in the texts.

    `seconds_per_second` is how much audio one process decodes in a second.
    """

    setting: Setting
    wer: float
    cer: float
    hotwords_found: float
    seconds_per_second: float


@dataclass(frozen=True, slots=True)
class _Stored:
    """Emissions one after the other in a file, for processes to map."""

    vocabulary: Vocabulary
    frame_seconds: float
    file: Path
    stops: tuple[int, ...]
    references: tuple[str, ...]
    seconds: tuple[float, ...]


def measure(
    encoded: EncodedUtterances,
    settings: Sequence[Setting],
    language_model: Path,
    *,
    processes: int,
    done: Callable[[int], None] = lambda _: None,
) -> list[Outcome]:
    """Decodes everything with every setting.

    Args:
        encoded: the validation split.
        settings: those of one alpha, beam width and `spelling_weight` are decoded by one process.
        language_model: a `language_model/` folder.
        processes: how many decode at a time; 1 is this one.
        done: called with the number of settings that were just finished.

    Returns:
        One outcome a setting, in their order.
    """
    shares: dict[tuple[float, ...], list[int]] = {}
    for index, setting in enumerate(settings):
        key = setting.alpha, setting.beam_width, setting.spelling_weight
        shares.setdefault(key, []).append(index)
    if processes == 1 or len(shares) == 1:
        loaded = load_language_model(language_model)
        outcomes = []
        for setting in settings:
            outcomes.append(
                _outcome(setting, encoded, _decoder(setting, encoded.vocabulary, loaded))
            )
            done(1)
        return outcomes
    found: dict[int, Outcome] = {}
    # Never fork: torch may have threads in this process.
    context = get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(min(processes, len(shares)), mp_context=context) as pool,
    ):
        stored = _store(encoded, Path(folder) / "emissions.npy")
        running = {
            pool.submit(_decode_share, stored, [settings[i] for i in share], language_model): share
            for share in shares.values()
        }
        for finished in as_completed(running):
            share = running[finished]
            found |= dict(zip(share, finished.result(), strict=True))
            done(len(share))
    return [found[index] for index in range(len(settings))]


def measure_greedy(encoded: EncodedUtterances) -> Outcome:
    """Decodes everything along the best path."""
    nothing = Setting(alpha=0.0, beta=0.0, beam_width=1, language_model=False)
    return _outcome(nothing, encoded, GreedyDecoder(encoded.vocabulary))


def _store(encoded: EncodedUtterances, file: Path) -> _Stored:
    np.save(file, np.concatenate(encoded.emissions))
    stops = np.cumsum([len(part) for part in encoded.emissions]).tolist()
    return _Stored(
        encoded.vocabulary,
        encoded.frame_seconds,
        file,
        tuple(stops),
        encoded.references,
        encoded.seconds,
    )


def _decode_share(
    stored: _Stored, settings: Sequence[Setting], language_model: Path
) -> list[Outcome]:
    """Runs in a process of its own: opens everything once, then decodes with each setting."""
    frames = np.load(stored.file, mmap_mode="r")
    encoded = EncodedUtterances(
        stored.vocabulary,
        stored.frame_seconds,
        tuple(frames[start:stop] for start, stop in pairwise((0, *stored.stops))),
        stored.references,
        stored.seconds,
    )
    loaded = load_language_model(language_model)
    return [_outcome(one, encoded, _decoder(one, encoded.vocabulary, loaded)) for one in settings]


def _decoder(setting: Setting, vocabulary: Vocabulary, model: LanguageModel) -> BeamDecoder:
    options = DecodingOptions(
        beam_width=setting.beam_width,
        alpha=setting.alpha,
        beta=setting.beta,
        hotwords=tuple(Hotword(word, setting.hotword_weight) for word in setting.hotwords),
    )
    scored = model.with_spelling(setting.spelling_weight, setting.spelling_offset)
    return BeamDecoder(vocabulary, options, scored if setting.language_model else None)


def _outcome(setting: Setting, encoded: EncodedUtterances, decoder: Decoder) -> Outcome:
    began = time.perf_counter()
    texts = [
        decoder.decode(emissions, frame_seconds=encoded.frame_seconds, duration=seconds).text
        for emissions, seconds in zip(encoded.emissions, encoded.seconds, strict=True)
    ]
    spent = time.perf_counter() - began
    references = list(encoded.references)
    return Outcome(
        setting,
        wer=float(jiwer.wer(references, texts)),
        cer=float(jiwer.cer(references, texts)),
        hotwords_found=_found(setting.hotwords, references, texts),
        seconds_per_second=sum(encoded.seconds) / max(spent, 1e-9),
    )


def _found(hotwords: Iterable[str], references: list[str], texts: list[str]) -> float:
    """Returns the share of the hotwords in the references that are in the texts as well."""
    requested = frozenset(hotwords)
    spoken = found = 0
    for reference, text in zip(references, texts, strict=True):
        words = requested.intersection(reference.split())
        spoken += len(words)
        found += len(words.intersection(text.split()))
    return found / spoken if spoken else 0.0
