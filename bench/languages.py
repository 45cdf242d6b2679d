"""Which language is detected of how much speech, and what that costs.

`nordlyd bench languages`: 36 sentences, the same ones in Danish, Bokmål and Nynorsk, are spoken by
espeak-ng with voices that the demos were not trained on, and transcribed with `language=auto`: one
by one, and six at a time; and with `auto-each` as conversations of two languages. The cost is the
time of `auto` beside that of the named language.
"""

import argparse
import asyncio
import io
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import soundfile

from app.audio import SAMPLE_RATE, Samples
from app.contract.answers import Transcript
from app.main import build_service
from app.model_loading import settings_for_detection
from app.pipeline import Transcriber, TranscriptionRequest
from app.settings import load_settings
from app.telemetry import Telemetry
from bench.report import finish, table

LANGUAGES = ("da", "nb", "nn")
_SENTENCES = Path(__file__).parent / "sentences"
_SEED = 20261129
_PAUSE_SECONDS = 0.7
_JOINED = 6
_TURN = 2
_COST_SECONDS = (60, 600)
_ROUNDS = 3


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench languages", description=__doc__)
    parser.add_argument("--models", default="demo-da,demo-nb,demo-nn", help="one a language")
    parser.add_argument("--sentences", type=int, default=36, help="of each language")
    parser.add_argument("--split", choices=("valid", "test"), default="test", help="of the voices")
    parser.add_argument(
        "--cost-seconds", default=",".join(map(str, _COST_SECONDS)), help="comma-separated"
    )
    options = parser.parse_args(argv)
    lengths = [float(length) for length in options.cost_seconds.split(",") if length]
    speech = {name: list(spoken(name, options.sentences, options.split)) for name in LANGUAGES}
    finish(asyncio.run(measure(options.models.split(","), speech, lengths)))


def spoken(language: str, count: int, split: str) -> Iterator[Samples]:
    """Yields the sentences of a language, float32 at 16 kHz."""
    from trainer.recipe import load_recipe  # noqa: PLC0415 - the extra `train`
    from trainer.speech.prepare import synthesis_of  # noqa: PLC0415
    from trainer.speech.synthesis import utterances  # noqa: PLC0415

    sentences = (_SENTENCES / f"{language}.txt").read_text("utf-8").splitlines()[:count]
    recipe = synthesis_of(load_recipe(f"demo-{language}"))
    for _, pcm in utterances(sentences, recipe, split=split, seed=_SEED):
        yield pcm.astype(np.float32) / 2**15


async def measure(
    models: Sequence[str], speech: Mapping[str, Sequence[Samples]], lengths: Sequence[float]
) -> dict[str, object]:
    """Detects the language of everything; prints the tables."""
    settings = settings_for_detection(load_settings(os.environ, models=list(models)))
    service, _ = build_service(settings, Telemetry())
    await service.load()
    try:
        transcriber = service.transcriber
        one = await _confusion(transcriber, speech, 1)
        joined = await _confusion(transcriber, speech, _JOINED)
        each = await _conversations(transcriber, speech)
        cost = {length: await _cost(transcriber, speech, length) for length in lengths}
    finally:
        await service.stop()
    one.show("one sentence")
    joined.show(f"{_JOINED} sentences")
    table(
        "auto-each: share of the speech in its own language, turns of two sentences",
        ["", *each],
        [["share", *(f"{share:.3f}" for share in each.values())]],
    )
    table(
        "time of auto, less that of the named language, as a share of the latter",
        ["", *(f"{length:g} s" for length in cost)],
        [["cost", *(f"{share:.2f}" for share in cost.values())]],
    )
    return {
        "benchmark": "languages",
        "models": list(models),
        "confusion": one.counts,
        "confusion_joined": joined.counts,
        "accuracy": one.accuracy,
        "accuracy_joined": joined.accuracy,
        "log_loss": one.log_loss,
        "log_loss_joined": joined.log_loss,
        "each_share": each,
        "cost": {f"{length:g}": round(share, 3) for length, share in cost.items()},
    }


@dataclass(frozen=True, slots=True)
class Confusion:
    """Which language was detected for recordings of each.

    Attributes:
        counts: recordings, by their language and the detected one.
        losses: negative natural-log probability of the right language, of each recording.
    """

    counts: Mapping[str, Mapping[str, int]]
    losses: Sequence[float]

    @property
    def accuracy(self) -> float:
        """Share of the recordings whose language was detected."""
        right = sum(row[language] for language, row in self.counts.items())
        return round(right / max(1, len(self.losses)), 4)

    @property
    def log_loss(self) -> float:
        """Mean of the losses."""
        return round(statistics.fmean(self.losses), 4) if self.losses else 0.0

    def show(self, title: str) -> None:
        """Prints the matrix."""
        rows = [
            [language, *(str(row[found]) for found in self.counts)]
            for language, row in self.counts.items()
        ]
        table(
            f"{title}: spoken (rows) and detected; {self.accuracy:.1%} right, "
            f"log loss {self.log_loss:.3f}",
            ["", *self.counts],
            rows,
        )


async def _confusion(
    transcriber: Transcriber, speech: Mapping[str, Sequence[Samples]], joined: int
) -> Confusion:
    counts = {language: dict.fromkeys(speech, 0) for language in speech}
    losses: list[float] = []
    for language, sentences in speech.items():
        for start in range(0, len(sentences) - joined + 1, joined):
            found = await _transcribe(
                transcriber, with_pauses(sentences[start : start + joined]), "auto"
            )
            counts[language][found.language] += 1
            probability = next(
                (item.probability for item in found.languages or () if item.language == language),
                0.0,
            )
            losses.append(-float(np.log(max(probability, 1e-9))))
    return Confusion(counts, losses)


async def _conversations(
    transcriber: Transcriber, speech: Mapping[str, Sequence[Samples]]
) -> dict[str, float]:
    """Returns for each two languages the share of the speech whose segments have the right one."""
    shares = {}
    for one, other in combinations(speech, 2):
        parts: list[Samples] = []
        truth: list[tuple[float, float, str]] = []
        position = 0.0
        turns = min(len(speech[one]), len(speech[other])) // _TURN
        for turn in range(turns):
            language = (one, other)[turn % 2]
            said = with_pauses(speech[language][_TURN * turn : _TURN * (turn + 1)])
            truth.append((position, position + len(said) / SAMPLE_RATE, language))
            position += len(said) / SAMPLE_RATE
            parts.append(said)
        found = await _transcribe(transcriber, np.concatenate(parts), "auto-each")
        shares[f"{one}-{other}"] = round(_share_right(found, truth), 4)
    return shares


def _share_right(found: Transcript, truth: Sequence[tuple[float, float, str]]) -> float:
    total = right = 0.0
    for segment in found.segments:
        for start, end, language in truth:
            overlap = max(0.0, min(end, segment.end) - max(start, segment.start))
            total += overlap
            right += overlap * (segment.language == language)
    return right / total if total else 0.0


async def _cost(
    transcriber: Transcriber, speech: Mapping[str, Sequence[Samples]], length: float
) -> float:
    """Returns how much longer `auto` takes than the named language, as a share."""
    language, sentences = next(iter(speech.items()))
    samples = np.resize(with_pauses(sentences), round(length * SAMPLE_RATE))
    seconds: dict[str, list[float]] = {"auto": [], language: []}
    for number in range(_ROUNDS + 1):
        for name, taken in seconds.items():
            started = time.perf_counter()
            await _transcribe(transcriber, samples, name)
            if number:
                taken.append(time.perf_counter() - started)
    named = statistics.median(seconds[language])
    return (statistics.median(seconds["auto"]) - named) / named


async def _transcribe(transcriber: Transcriber, samples: Samples, language: str) -> Transcript:
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    file.seek(0)
    route = transcriber.route(None, language, detect=True)
    return await transcriber.transcribe(
        TranscriptionRequest(file, "languages", route, wait_for_room=True)
    )


def with_pauses(sentences: Sequence[Samples]) -> Samples:
    """Returns sentences with a pause after each, float32 [samples]."""
    pause = np.zeros(round(_PAUSE_SECONDS * SAMPLE_RATE), np.float32)
    return np.concatenate([part for sentence in sentences for part in (sentence, pause)])


if __name__ == "__main__":
    main()
