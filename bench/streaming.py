"""Live streams: how soon words are stable, what a stream costs, and how many a machine holds.

`nordlyd bench streaming`: a real `nordlyd serve` on loopback receives the bundled samples, or the
test split of a folder of synthesised speech with `--data`, in real time. What a stream costs is set
against re-decoding all that was received at each step, as servers without a streaming engine do.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
import soundfile

from app.acoustic import AcousticModel, load_checkpoint
from app.audio import SAMPLE_RATE, Samples
from app.decoding import DecodingOptions, ModelDecoders
from bench.alignment import Times, spoken
from bench.checkpoints import written_shape
from bench.live import Spoken, speak
from bench.report import finish, table
from bench.service import Client, Running, nordlyd
from bench.shapes import SHAPES
from bench.sounds import Upload, wav
from bench.startup import bundled_demos

AIM_SECONDS, AIM_EQUAL = 0.6, 0.95
_PAUSE_SECONDS = 1.0
_STEP_SECONDS = 0.2
# A stream keeps up if its last words are there so soon after its last sample.
_LAG_SECONDS = 1.0
_NOISE = 1e-4


@dataclass(frozen=True, slots=True)
class Utterance:
    """Speech, float32 at 16 kHz, and its words' times; none where they are not known."""

    samples: Samples
    words: Times


@dataclass(frozen=True, slots=True)
class Round:
    """Median latency and longest lag, in seconds, and the cost of some simultaneous streams."""

    streams: int
    latency: float
    lag: float
    core_share: float

    def keeps_up(self, alone: "Round") -> bool:
        """Whether all kept up with real time, words no later than the aim or than one stream's."""
        late = self.latency > max(AIM_SECONDS, alone.latency)
        return self.lag <= _LAG_SECONDS and not late


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the options, measures, and prints the result."""
    parser = argparse.ArgumentParser(prog="nordlyd bench streaming", description=__doc__)
    parser.add_argument("--model", type=Path, help="checkpoint; default: the first bundled demo")
    parser.add_argument("--shape", choices=sorted(SHAPES), help="random weights: costs only")
    parser.add_argument("--data", type=Path, help="folder of synthesised speech: its test split")
    parser.add_argument("--utterances", type=int, default=60)
    parser.add_argument("--at-once", type=int, default=2, help="streams while words are timed")
    parser.add_argument("--chunk-ms", type=float, default=50.0, help="length of a message")
    parser.add_argument("--most", type=int, default=64, help="streams tried at most; 0: none")
    parser.add_argument("--round-seconds", type=float, default=20.0, help="length of each try")
    parser.add_argument("--talk-seconds", type=float, default=30.0, help="to be re-decoded")
    parser.add_argument("--dtype", default="auto")
    options = parser.parse_args(argv)
    demo = next(iter(bundled_demos()), None)
    if demo is None:
        parser.error("there is no bundled demo model, whose samples are spoken")
    with _model(options, demo) as folder:
        finish(measure(folder, options, demo))


@contextmanager
def _model(options: argparse.Namespace, demo: Path) -> Iterator[Path]:
    if options.shape:
        with written_shape(options.shape) as folder:
            yield folder
    else:
        yield options.model or demo


def measure(folder: Path, options: argparse.Namespace, demo: Path) -> dict[str, object]:
    """Times words, compares texts, finds how many streams keep up, and prints the tables."""
    settings = {"dtype": options.dtype, "live_streams": max(options.most, options.at_once)}
    with nordlyd([folder], **settings) as service, Client(service.port) as client:
        speech, offline = _speech(options, folder if not options.shape else demo, client)
        result: dict[str, object] = {
            "benchmark": "streaming",
            "model": folder.name,
            "chunk_s": options.chunk_ms / 1000,
        }
        if not options.shape:
            result |= _words(service, speech, offline, options)
        rounds = list(_ramp(service, speech, options))
    held = max((item.streams for item in rounds if item.keeps_up(rounds[0])), default=0)
    talk = _joined_speech(speech, options.talk_seconds)
    naive = redecoding_cost(load_checkpoint(folder, dtype=options.dtype), folder, talk)
    share = rounds[0].core_share if rounds else float("nan")
    table(
        f"{folder.name}: streams at once, {options.round_seconds:g} s each",
        ["", "median latency ms", "longest lag ms", "share of a core each"],
        [
            [str(item.streams), f"{1000 * item.latency:.0f}", f"{1000 * item.lag:.0f}",
             f"{item.core_share:.3f}"]
            for item in rounds
        ]
        + [["all re-decoded at each step, alone", "", "", f"{naive:.3f}"]],
    )  # fmt: skip
    return result | {
        "streams_in_real_time": held,
        "core_share": round(share, 4),
        "rebuffered_core_share": round(naive, 4),
        "core_share_over_rebuffered": round(share / naive, 4),
    }


def _speech(
    options: argparse.Namespace, folder: Path, client: Client
) -> tuple[list[Utterance], list[str]]:
    """What is spoken, and the offline texts of it."""
    speech: list[Utterance] = []
    if options.data:
        found = islice(spoken(options.data), options.utterances)
        speech = [Utterance(item.waveform, item.words) for item in found]
    else:
        for path in sorted((folder / "samples").glob("*.flac"))[: options.utterances]:
            samples, _ = soundfile.read(path, dtype="float32")
            speech.append(Utterance(samples, []))
    answers = [client.transcribe(Upload.of(wav(item.samples))) for item in speech]
    # Without reference times, words end where the result of the whole recording has their ends.
    known = [
        item
        if item.words
        else Utterance(
            item.samples,
            [(word["word"], word["start"], word["end"]) for word in answer["words"]],
        )
        for item, answer in zip(speech, answers, strict=True)
    ]
    return known, [str(answer["text"]) for answer in answers]


def _words(
    service: Running,
    speech: Sequence[Utterance],
    offline: Sequence[str],
    options: argparse.Namespace,
) -> dict[str, object]:
    """How soon words are stable, and whether the final texts are the offline ones."""
    streams = [_with_pause(item.samples, seed) for seed, item in enumerate(speech)]
    received = asyncio.run(_all(service, streams, options.at_once, options.chunk_ms / 1000))
    latencies = [
        latency
        for item, found in zip(speech, received, strict=True)
        for latency in found.latencies(item.words)
    ]
    equal = float(
        np.mean([found.text == text for found, text in zip(received, offline, strict=True)])
    )
    median, late = (float(np.quantile(latencies, share)) for share in (0.5, 0.95))
    table(
        f"{len(speech)} utterances in real time, {options.at_once} at once",
        ["spoken end of a word until it is stable, ms", ""],
        [
            ["median", f"{1000 * median:.0f}"],
            ["95 %", f"{1000 * late:.0f}"],
            ["final texts equal to the offline ones", f"{100 * equal:.1f} %"],
        ],
    )
    return {
        "utterances": len(speech),
        "words": len(latencies),
        "word_latency_median_s": round(median, 4),
        "word_latency_p95_s": round(late, 4),
        "final_equals_offline": round(equal, 4),
        "aim_s": AIM_SECONDS,
        "aim_equal": AIM_EQUAL,
        "holds": median <= AIM_SECONDS and equal >= AIM_EQUAL,
    }


async def _all(
    service: Running, streams: Sequence[Samples], at_once: int, chunk_seconds: float
) -> list[Spoken]:
    places = asyncio.Semaphore(at_once)

    async def one(samples: Samples) -> Spoken:
        async with places:
            return await speak(service.port, samples, chunk_seconds=chunk_seconds)

    return await asyncio.gather(*map(one, streams))


def _ramp(
    service: Running, speech: Sequence[Utterance], options: argparse.Namespace
) -> Iterator[Round]:
    """Twice as many streams at once each time, then halfway back, until they do not keep up."""
    streams, step, failed = 1, 0, False
    alone: Round | None = None
    while 1 <= streams <= options.most:
        found = _round(service, speech, streams, options)
        alone = alone or found
        yield found
        held = found.keeps_up(alone)
        if not failed and held:
            streams *= 2
            continue
        step = step // 2 if failed else streams // 4
        failed = True
        streams += step if held else -step
        if step == 0:
            return


def _round(
    service: Running, speech: Sequence[Utterance], streams: int, options: argparse.Namespace
) -> Round:
    process = psutil.Process(service.pid)
    talks = [_joined_speech(_rotated(speech, n), options.round_seconds) for n in range(streams)]
    before = process.cpu_times()
    received = asyncio.run(
        _all(service, [talk.samples for talk in talks], streams, options.chunk_ms / 1000)
    )
    after = process.cpu_times()
    cpu = (after.user + after.system) - (before.user + before.system)
    latencies = [
        latency
        for talk, found in zip(talks, received, strict=True)
        for latency in (found.latencies(talk.words) if not options.shape else [])
    ]
    return Round(
        streams=streams,
        latency=float(np.median(latencies)) if latencies else float("nan"),
        lag=max(found.lag for found in received),
        core_share=cpu / sum(len(talk.samples) / SAMPLE_RATE for talk in talks),
    )


def redecoding_cost(model: AcousticModel, folder: Path, talk: Utterance) -> float:
    """Share of a core that encoding and decoding all received audio at each step takes."""
    decoders = ModelDecoders(model.vocabulary, [folder])
    request = DecodingOptions()
    step = round(_STEP_SECONDS * SAMPLE_RATE)
    before = time.process_time()
    for stop in range(step, len(talk.samples) + 1, step):
        [emissions] = model.emissions([talk.samples[:stop]])
        decoders.decode(
            emissions,
            request,
            frame_seconds=model.hop / SAMPLE_RATE,
            duration=stop / SAMPLE_RATE,
        )
    return (time.process_time() - before) / (len(talk.samples) / SAMPLE_RATE)


def _joined_speech(speech: Sequence[Utterance], seconds: float) -> Utterance:
    """One utterance after another with pauses, cut to a length."""
    parts: list[Samples] = []
    words: Times = []
    length, number = 0, 0
    while length < seconds * SAMPLE_RATE:
        item = speech[number % len(speech)]
        offset = length / SAMPLE_RATE
        words += [(word, start + offset, end + offset) for word, start, end in item.words]
        parts.append(_with_pause(item.samples, number))
        length += len(parts[-1])
        number += 1
    samples = np.concatenate(parts)[: round(seconds * SAMPLE_RATE)]
    return Utterance(samples, [word for word in words if word[2] < seconds - _PAUSE_SECONDS])


def _rotated(speech: Sequence[Utterance], by: int) -> list[Utterance]:
    """The same, begun elsewhere, so that not all streams have the same speech at once."""
    by %= len(speech)
    return [*speech[by:], *speech[:by]]


def _with_pause(samples: Samples, seed: int) -> Samples:
    pause = np.random.default_rng(seed).standard_normal(
        round(_PAUSE_SECONDS * SAMPLE_RATE), dtype=np.float32
    )
    return np.concatenate([samples, np.float32(_NOISE) * pause])


if __name__ == "__main__":
    main()
