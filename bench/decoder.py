"""Beam search with a 3-gram: plain pyctcdecode, and the service's own decoder, side by side.

`nordlyd bench decoder`: audio seconds decoded per second on one core, and the word error rate, on
the emissions of a bundled demo model; also what the fused greedy decoder costs next to the
encoder, and how much two threads decode. Speech is the model's samples, repeated with noise and at
other tempos, or a prepared data folder (`--data`); the language model is the model's own, or
estimated from a text (`--text`) or from the training sentences of `--data`.
"""

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import jiwer
import numpy as np
import numpy.typing as npt
import torch
from pyctcdecode.decoder import BeamSearchDecoderCTC, build_ctcdecoder

from app.acoustic import AcousticModel, load_checkpoint
from app.audio import SAMPLE_RATE, AudioLimits, decode_audio
from app.decoding import (
    BeamDecoder,
    Decoder,
    DecodingOptions,
    GreedyDecoder,
    LanguageModel,
    available_backends,
    load_language_model,
)
from app.vocabulary import Vocabulary
from bench.report import finish, table
from bench.startup import bundled_demos

AIM = 10.0
FUSED_AIM = 0.10
_LIMITS = AudioLimits(max_seconds=3600)
_ORDER = 3
_THREAD_AIM = 1.8
_THREAD_ROUNDS = 15
_THREAD_SECONDS = 0.4
_SAMPLED = 120  # utterances that the bundled samples are repeated to
_TEMPOS = (1.0, 0.9, 1.1, 0.95, 1.05)
_NOISES = (0.0, 0.003, 0.01, 0.02)  # of the loudest sample


@dataclass(frozen=True, slots=True)
class Spoken:
    """One recording: its samples at 16 kHz and its reference text."""

    waveform: npt.NDArray[np.float32]
    text: str

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.waveform) / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class _Options:
    """How to measure."""

    beam_width: int
    join: int
    rounds: int


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench decoder", description=__doc__)
    parser.add_argument("--model", type=Path, help="checkpoint; default: the first bundled demo")
    parser.add_argument("--data", type=Path, help="prepared data folder, instead of samples/")
    parser.add_argument("--text", type=Path, help="sentences, one a line, to estimate a 3-gram of")
    parser.add_argument("--utterances", type=int, default=200, help="at most")
    parser.add_argument("--beam-width", type=int, default=100)
    parser.add_argument("--join", type=int, default=1, help="utterances to a recording")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args(argv)
    folder = arguments.model or next(iter(bundled_demos()), None)
    if folder is None:
        parser.error("there is no bundled demo model; name a checkpoint with --model")
    torch.set_num_threads(1)
    model = load_checkpoint(folder, dtype="float32")
    spoken = _speech(folder, arguments.data, arguments.utterances)
    with tempfile.TemporaryDirectory() as scratch:
        lm_folder = _language_model(folder, arguments.text, arguments.data, Path(scratch))
        options = _Options(arguments.beam_width, arguments.join, arguments.rounds)
        finish(_measure(model, spoken, lm_folder, options))


def _speech(folder: Path, data: Path | None, count: int) -> list[Spoken]:
    if data is not None:
        from trainer.data import read_split  # noqa: PLC0415

        return [
            Spoken(np.asarray(record.audio.waveform(), np.float32), record.text)
            for record in read_split(data, "test")[:count]
        ]
    manifest = folder / "samples" / "samples.jsonl"
    lines = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    recordings = [decode_audio(manifest.parent / line["audio"], limits=_LIMITS) for line in lines]
    spoken = [
        Spoken(recording.slice(0, recording.samples), line["text"])
        for recording, line in zip(recordings, lines, strict=True)
    ]
    return list(itertools.islice(_varied(spoken), max(len(spoken), min(count, _SAMPLED))))


def _varied(spoken: Sequence[Spoken]) -> Iterator[Spoken]:
    """Yields the recordings again and again, with noise and at other tempos; the same each time."""
    random = np.random.default_rng(0)
    for noise, tempo in itertools.cycle(itertools.product(_NOISES, _TEMPOS)):
        for one in spoken:
            places = np.arange(0, len(one.waveform) - 1, tempo)
            wave = np.interp(places, np.arange(len(one.waveform)), one.waveform)
            wave += noise * np.abs(wave).max() * random.standard_normal(len(wave))
            yield Spoken(wave.astype(np.float32), one.text)


def _language_model(folder: Path, text: Path | None, data: Path | None, scratch: Path) -> Path:
    """The model's own folder, or one estimated from text; the latter goes first where named."""
    own = folder / "language_model"
    if text is None and own.is_dir():
        return own
    if text is not None:
        sentences = text.read_text("utf-8").splitlines()
    elif data is not None:
        from trainer.data import read_split  # noqa: PLC0415

        sentences = [record.text for record in read_split(data, "train")]
    else:
        raise SystemExit(f"{folder} has no language model: name a --text to estimate one of")
    from trainer.language_model import estimate  # noqa: PLC0415
    from trainer.language_model.arpa import write_arpa  # noqa: PLC0415

    made = scratch / "language_model"
    made.mkdir()
    write_arpa(estimate(sentences, order=_ORDER), made / "3gram.arpa")
    words = sorted({word for sentence in sentences for word in sentence.split()})
    (made / "unigrams.txt").write_text("\n".join(words), encoding="utf-8")
    return made


def _measure(
    model: AcousticModel, spoken: list[Spoken], lm_folder: Path, required: _Options
) -> dict[str, object]:
    seconds = sum(one.seconds for one in spoken)
    started = time.process_time()
    emissions = [model.emissions([_normalised(model, one.waveform)])[0] for one in spoken]
    encode_seconds = time.process_time() - started
    language_model = load_language_model(lm_folder)
    frame = model.hop / SAMPLE_RATE
    beam_width, rounds = required.beam_width, required.rounds
    references = [one.text for one in spoken]
    if required.join > 1:
        emissions, references = _joined(emissions, references, required.join, model.vocabulary)

    def run(decoder: Decoder) -> Callable[[], list[str]]:
        return lambda: [
            decoder.decode(one, frame_seconds=frame, duration=len(one) * frame).text
            for one in emissions
        ]

    options = DecodingOptions(beam_width=beam_width)
    ours = BeamDecoder(model.vocabulary, options, language_model)
    plain = _plain(model.vocabulary, language_model)
    candidates: dict[str, Callable[[], list[str]]] = {
        "pyctcdecode": lambda: [
            plain.decode(cast("Any", one), beam_width=beam_width) for one in emissions
        ],
        "ours": run(ours),
        "greedy+lm": run(
            BeamDecoder(model.vocabulary, DecodingOptions("greedy+lm"), language_model)
        ),
        "greedy": run(GreedyDecoder(model.vocabulary)),
    }
    taken = _processor_seconds(candidates, rounds)
    texts = {name: candidate() for name, candidate in candidates.items()}
    wer = {name: float(jiwer.wer(references, read)) for name, read in texts.items()}
    equal = sum(a == b for a, b in zip(texts["ours"], texts["pyctcdecode"], strict=True))
    speed = {name: seconds / time_ for name, time_ in taken.items()}
    fused_share = taken["greedy+lm"] / encode_seconds
    table(
        f"{len(references)} recordings, {seconds:.0f} s, beam {beam_width}, "
        f"{language_model.order}-gram, one core",
        ["decoder", "audio s per s", "times pyctcdecode", "WER %"],
        [
            [name, f"{speed[name]:.0f}", f"{speed[name] / speed['pyctcdecode']:.1f}",
             f"{100 * wer[name]:.2f}"]
            for name in candidates
        ],
    )  # fmt: skip
    print(f"texts of ours equal to pyctcdecode's: {equal} of {len(references)}")
    print(f"greedy+lm takes {fused_share:.1%} of the encoder's time (aim {FUSED_AIM:.0%})")
    two = _two_threads(ours, emissions, frame)
    print(f"two threads decode {two:.2f} times as much as one (aim {_THREAD_AIM})")
    return {
        "pyctcdecode_audio_s_per_s": round(speed["pyctcdecode"], 1),
        "ours_audio_s_per_s": round(speed["ours"], 1),
        "pyctcdecode_wer": round(wer["pyctcdecode"], 5),
        "ours_wer": round(wer["ours"], 5),
        "ratio": round(speed["ours"] / speed["pyctcdecode"], 2),
        "aim": AIM,
        "backend": available_backends()[0],
        "equal_texts": equal,
        "utterances": len(spoken),
        "joined": required.join,
        "fused_greedy_audio_s_per_s": round(speed["greedy+lm"], 1),
        "fused_greedy_wer": round(wer["greedy+lm"], 5),
        "fused_greedy_share_of_encoder": round(fused_share, 4),
        "greedy_wer": round(wer["greedy"], 5),
        "two_threads_ratio": round(two, 2),
        "two_threads_aim": _THREAD_AIM,
        "cores": os.cpu_count(),
    }


def _joined(
    emissions: Sequence[npt.NDArray[np.float32]],
    references: Sequence[str],
    count: int,
    vocabulary: Vocabulary,
) -> tuple[list[npt.NDArray[np.float32]], list[str]]:
    """Recordings of so many utterances, with a tenth of a second between words of two of them."""
    gap = np.full((5, len(vocabulary)), -20.0, np.float32)
    gap[:, vocabulary.blank if vocabulary.delimiter is None else vocabulary.delimiter] = 0.0
    groups = [
        range(first, min(first + count, len(references)))
        for first in range(0, len(references), count)
    ]
    return (
        [np.concatenate([part for at in group for part in (emissions[at], gap)])
         for group in groups],
        [" ".join(references[at] for at in group) for group in groups],
    )  # fmt: skip


def _processor_seconds(
    candidates: dict[str, Callable[[], list[str]]], rounds: int
) -> dict[str, float]:
    """The least of several rounds, of processor time: one core, whatever else the machine does."""
    taken = dict.fromkeys(candidates, float("inf"))
    for run in candidates.values():
        run()
    for _ in range(rounds):
        for name, run in candidates.items():
            started = time.process_time()
            run()
            taken[name] = min(taken[name], time.process_time() - started)
    return taken


def _two_threads(decoder: Decoder, emissions: list[npt.NDArray[np.float32]], frame: float) -> float:
    """How much more two threads decode than one, of the same utterances, one after the other.

    The least time of many short rounds each, taken in turns, so that what else the machine does
    falls on both.
    """

    def once() -> None:
        for one in emissions:
            decoder.decode(one, frame_seconds=frame, duration=len(one) * frame)

    started = time.perf_counter()
    once()
    repeats = max(1, round(_THREAD_SECONDS / (time.perf_counter() - started)))

    def decode(_: int) -> None:
        for _ in range(repeats):
            once()

    def seconds(threads: int) -> float:
        started = time.perf_counter()
        list(pool.map(decode, range(threads)))
        return time.perf_counter() - started

    with ThreadPoolExecutor(2) as pool:
        seconds(2)
        taken = [(seconds(1), seconds(2)) for _ in range(_THREAD_ROUNDS)]
    return 2 * min(one for one, _ in taken) / min(two for _, two in taken)


def _plain(vocabulary: Vocabulary, language_model: LanguageModel) -> BeamSearchDecoderCTC:
    labels = list(vocabulary.tokens)
    labels[vocabulary.blank] = ""
    if vocabulary.delimiter is not None:
        labels[vocabulary.delimiter] = " "
    words = None if language_model.unigrams is None else sorted(language_model.unigrams)
    return build_ctcdecoder(
        labels,
        str(language_model.path),
        words,
        language_model.alpha,
        language_model.beta,
        language_model.unk_score_offset,
        language_model.score_boundary,
    )


def _normalised(model: AcousticModel, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if not model.do_normalize:
        return waveform
    scaled = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
    return np.asarray(scaled, dtype=np.float32)
