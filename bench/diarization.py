"""Who speaks, in made conversations: diarisation error rate, number of speakers, words, time.

`nordlyd bench diarization --speakers 2,3,4,5,8 --minutes 1,5 --rounds 2`: conversations of the
voices of Debian's festival and flite. Not people's meetings, which were not measured.
`--senko PYTHON` measures the package of that name on the same conversations.
"""

import argparse
import asyncio
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment

from app.audio import SAMPLE_RATE, Recording
from app.contract.answers import Word
from app.settings import Settings
from app.speakers import DiarizationOptions, Diarizer, Turn, label_words, weights_folder
from bench.conversations import Conversation, make_conversation
from bench.peers.senko import Senko
from bench.report import finish, table
from bench.voices import installed_voices, usable

COLLAR = 0.25
_FRAME = 0.01
_UP_TO = 5
"""Recordings of up to so many speakers count for `speakers_right` and the words."""


# The samples of a conversation at 16 kHz, and how many speak → the turns that are found.
Diarize = Callable[[npt.NDArray[np.float32], int], Sequence[Turn]]


@dataclass(frozen=True, slots=True)
class Score:
    """What was found in one conversation; the errors are in seconds of speech."""

    speakers: int
    found: int
    speech: float
    error: float
    speech_collar: float
    error_collar: float
    words: int
    words_right: int
    duration: float
    seconds: float


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench diarization", description=__doc__)
    parser.add_argument("--speakers", default="2,3,4,5,8", help="how many speak, comma-separated")
    parser.add_argument("--minutes", default="1,5", help="lengths, comma-separated")
    parser.add_argument("--rounds", type=int, default=2, help="conversations of each kind")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    parser.add_argument("--known", action="store_true", help="the number of speakers is given")
    parser.add_argument("--senko", type=Path, metavar="PYTHON", help="which has the package senko")
    parser.add_argument("--store", type=Path, default=Settings.model_fields["store"].default)
    parser.add_argument(
        "--bank", type=Path, default=Path(gettempdir()) / "nordlyd-voices", help="keeps the speech"
    )
    measure(parser.parse_args(argv))


def measure(options: argparse.Namespace) -> None:
    """Runs the conversations and prints both reports."""
    torch.set_num_threads(options.threads)
    banks = list(usable(installed_voices(), options.bank, 40))
    numbers = [int(each) for each in options.speakers.split(",")]
    minutes = [float(each) for each in options.minutes.split(",")]
    with ExitStack() as stack:
        diarizers: dict[str, Diarize] = {"nordlyd": _ours(options, stack)}
        if options.senko:
            diarizers["senko"] = _senko(options, stack)
        for diarize in diarizers.values():
            diarize(np.concatenate([each.samples for each in banks[0][:5]]), 1)
        scores: dict[str, list[Score]] = {name: [] for name in diarizers}
        for seed, (length, number) in enumerate(
            itertools.product(minutes * options.rounds, numbers), start=1
        ):
            if number > len(banks):
                continue
            chosen = np.random.default_rng(seed).permutation(len(banks))[:number]
            conversation = make_conversation([banks[each] for each in chosen], 60 * length, seed)
            for name, diarize in diarizers.items():
                scores[name].append(run(diarize, conversation, number))
                print(f"{name}: {_line(scores[name][-1])}", flush=True)
    _report(scores, len(banks))


def _ours(options: argparse.Namespace, stack: ExitStack) -> Diarize:
    diarizer = Diarizer(weights_folder(options.store))
    stack.callback(diarizer.close)

    def diarize(samples: npt.NDArray[np.float32], number: int) -> Sequence[Turn]:
        limits = DiarizationOptions(number, number) if options.known else DiarizationOptions()
        return asyncio.run(diarizer.diarize(Recording.from_samples(samples), limits))

    return diarize


def _senko(options: argparse.Namespace, stack: ExitStack) -> Diarize:
    senko = Senko(options.senko, options.threads)
    stack.callback(senko.close)
    return lambda samples, _: senko.diarize(samples)


def run(diarize: Diarize, conversation: Conversation, number: int) -> Score:
    """Returns what is found in a conversation of so many speakers."""
    started = time.perf_counter()
    turns = diarize(conversation.samples, number)
    seconds = time.perf_counter() - started
    speech, error = diarization_error(conversation.turns, turns, 0.0)
    speech_collar, error_collar = diarization_error(conversation.turns, turns, COLLAR)
    return Score(
        speakers=number,
        found=len({turn.speaker for turn in turns}),
        speech=speech,
        error=error,
        speech_collar=speech_collar,
        error_collar=error_collar,
        words=len(conversation.words),
        words_right=right_words(conversation.words, turns),
        duration=len(conversation.samples) / SAMPLE_RATE,
        seconds=seconds,
    )


def diarization_error(
    reference: Sequence[Turn], found: Sequence[Turn], collar: float
) -> tuple[float, float]:
    """Returns the seconds of speech, and those that were missed, invented or of another speaker.

    As NIST defines it, with the best mapping of speakers; where two speak, both count.

    Args:
        reference: the true turns.
        found: the turns that were found.
        collar: seconds around each start and end of the true turns that do not count.
    """
    length = max((turn.end for turn in (*reference, *found)), default=0.0)
    true, own = _frames(reference, length), _frames(found, length)
    counted = np.ones(len(true), np.bool_)
    if collar:
        for edge in (edge for turn in reference for edge in (turn.start, turn.end)):
            first = round(max(edge - collar, 0) / _FRAME)
            counted[first : round((edge + collar) / _FRAME)] = False
    true, own = true[counted], own[counted]
    shared = true.astype(np.float64).T @ own
    correct = shared[linear_sum_assignment(-shared)].sum()
    speech = float(true.sum())
    wrong = float(np.maximum(true.sum(1), own.sum(1)).sum() - correct)
    return speech * _FRAME, wrong * _FRAME


def right_words(words: Sequence[Turn], found: Sequence[Turn]) -> int:
    """Returns how many words get the label of their speaker, with the best mapping of labels."""
    labelled = label_words([Word("", word.start, word.end, 1.0) for word in words], found)
    labels = sorted({str(word.speaker) for word in labelled})
    shared = np.zeros((max(word.speaker for word in words) + 1, len(labels)))
    for word, own in zip(words, labelled, strict=True):
        shared[word.speaker, labels.index(str(own.speaker))] += 1
    return int(shared[linear_sum_assignment(-shared)].sum())


def _frames(turns: Sequence[Turn], length: float) -> npt.NDArray[np.bool_]:
    """Returns who speaks, [frames, speakers]."""
    speakers = max((turn.speaker for turn in turns), default=0) + 1
    frames = np.zeros((round(length / _FRAME) + 1, speakers), np.bool_)
    for turn in turns:
        frames[round(turn.start / _FRAME) : round(turn.end / _FRAME), turn.speaker] = True
    return frames


def _line(score: Score) -> str:
    return (
        f"{score.duration / 60:5.1f} min, {score.speakers} speakers: {score.found} found, "
        f"DER {100 * score.error / score.speech:.1f} %, words "
        f"{100 * score.words_right / score.words:.1f} %, {score.seconds:.1f} s"
    )


def _report(scores: Mapping[str, Sequence[Score]], voices: int) -> None:
    results = {name: _results(own, voices, name) for name, own in scores.items()}
    ours = results.pop("nordlyd")
    conversations = len(scores["nordlyd"])
    finish(
        {"benchmark": "diarization", "voices": voices, "conversations": conversations}
        | ours
        | results
    )


def _results(scores: Sequence[Score], voices: int, name: str) -> dict[str, float]:
    rows = []
    for number in sorted({score.speakers for score in scores}):
        own = [score for score in scores if score.speakers == number]
        rows.append([str(number), *(f"{value:.4g}" for value in _figures(own).values())])
    few = [score for score in scores if score.speakers <= _UP_TO] or scores
    result = _figures(scores) | {
        key: _figures(few)[key] for key in ("speakers_right", "word_speaker_accuracy")
    }
    table(
        f"{name}: {len(scores)} conversations of {voices} voices",
        ["speakers", *(key.replace("_", " ") for key in result)],
        rows,
    )
    return result


def _figures(scores: Sequence[Score]) -> dict[str, float]:
    return {
        "der": sum(each.error for each in scores) / sum(each.speech for each in scores),
        "der_collar": sum(each.error_collar for each in scores)
        / sum(each.speech_collar for each in scores),
        "speakers_right": sum(each.found == each.speakers for each in scores) / len(scores),
        "word_speaker_accuracy": sum(each.words_right for each in scores)
        / sum(each.words for each in scores),
        "real_time_factor": sum(each.seconds for each in scores)
        / sum(each.duration for each in scores),
    }
