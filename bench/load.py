"""What the service delivers when more is sent than it can do.

`nordlyd bench load --seconds 5 --step-seconds 60`: clips go to a real `nordlyd serve` on loopback,
first as fast as it answers, then in an open loop at 0.5 to 4 times that rate. An answer counts
(goodput) only if it arrives within the patience, which the service has as
NORDLYD_MAX_WAIT_SECONDS. Then more clips than fit into the patience come in one burst, and those
refused come back when `Retry-After` says; last, requests are sent until there were 10,000, and the
service's memory is compared.
"""

import argparse
import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import psutil

from app.bundled import catalogue_folder
from bench.open_loop import Answer, generator
from bench.report import finish, table
from bench.service import nordlyd
from bench.sounds import noise, speech, wav

AIM_GOODPUT = 0.95
AIM_IN_TIME = 0.95
AIM_RETRY_FACTOR = 2.0
AIM_MIB = 20.0
_OK, _REFUSED = 200, 429
_CLIENTS = 8
_SETTLE_SECONDS = 3.0
_BURST_FACTOR = 2.0


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(prog="nordlyd bench load", description=__doc__)
    parser.add_argument("--model", default="demo-nb", help="what to serve")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a clip")
    parser.add_argument("--step-seconds", type=float, default=60.0, help="length of each step")
    parser.add_argument("--patience", type=float, default=30.0, help="seconds an answer may take")
    parser.add_argument(
        "--factors",
        default="0.5,1,1.5,2,4",
        help="rates, in multiples of the capacity; 1 and 4 too",
    )
    parser.add_argument(
        "--requests", type=int, default=10_000, help="after which memory is compared"
    )
    parser.add_argument("--burst", type=int, help="clips in the burst; default: by the patience")
    asyncio.run(measure(parser.parse_args(argv)))


@dataclass(frozen=True, slots=True)
class Step:
    """One rate of arrivals.

    Attributes:
        factor: the rate, in multiples of the capacity.
        answers: to everything sent.
        goodput: audio seconds a second, answered within the patience and within the step.
        in_time: share of the accepted that was answered within the patience.
        p50, p95: seconds that an accepted request took.
    """

    factor: float
    answers: Sequence[Answer]
    goodput: float
    in_time: float
    p50: float
    p95: float

    @classmethod
    def of(
        cls,
        factor: float,
        answers: Sequence[Answer],
        *,
        clip_seconds: float,
        step_seconds: float,
        patience: float,
    ) -> "Step":
        """The figures of a step's answers."""
        accepted = [answer for answer in answers if answer.status == _OK]
        good = [answer for answer in accepted if answer.seconds <= patience]
        end = min(answer.sent for answer in answers) + step_seconds
        delivered = sum(1 for answer in good if answer.answered <= end)
        seconds = [answer.seconds for answer in accepted] or [0.0]
        return cls(
            factor,
            answers,
            goodput=delivered * clip_seconds / step_seconds,
            in_time=len(good) / max(1, len(accepted)),
            p50=float(np.quantile(seconds, 0.5)),
            p95=float(np.quantile(seconds, 0.95)),
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was measured.

    Attributes:
        capacity: audio seconds a second, by clients that wait for each answer.
        steps: one for each rate.
        retry_errors: as the function of that name returns.
        growth: of the service's memory, in MiB.
        requests: sent meanwhile.
        served_at_first_return: share of the burst's refused clips that were accepted when they came
            back for the first time.
        generator_share: of the processor time that generator and service took at 4 times, or at the
            highest rate, the generator's.
    """

    capacity: float
    steps: Sequence[Step]
    retry_errors: Sequence[float]
    growth: float
    requests: int
    served_at_first_return: float
    generator_share: float


async def measure(options: argparse.Namespace) -> None:
    """Run all steps and print both reports."""
    clip = speech(catalogue_folder() / options.model / "samples", options.seconds)
    body = wav(noise(options.seconds, 0) if clip is None else clip)
    settings = {"max_wait_seconds": options.patience, "log_level": "warning"}
    with nordlyd([options.model], **settings) as service:
        process = psutil.Process(service.pid)
        async with generator(service.port, body, "audio/wav") as load:
            await load.at_once(_CLIENTS, seconds=_SETTLE_SECONDS)
            closed = await load.at_once(_CLIENTS, seconds=options.step_seconds)
            capacity = rate(closed) * options.seconds
            before, sent = resident(process), 0
            steps: list[Step] = []
            shares: dict[float, float] = {}
            for factor in map(float, options.factors.split(",")):
                used = processor_seconds(process), time.process_time()
                answers = await load.at_rate(
                    factor * capacity / options.seconds, options.step_seconds
                )
                served = processor_seconds(process) - used[0]
                generated = time.process_time() - used[1]
                shares[factor] = generated / (generated + served)
                steps.append(
                    Step.of(
                        factor,
                        answers,
                        clip_seconds=options.seconds,
                        step_seconds=options.step_seconds,
                        patience=options.patience,
                    )
                )
                sent += len(answers)
                await asyncio.sleep(_SETTLE_SECONDS)
            clips = options.burst or round(
                _BURST_FACTOR * options.patience * capacity / options.seconds
            )
            burst = await load.burst(clips)
            sent += sum(map(len, burst))
            sent += len(await load.at_once(_CLIENTS, requests=max(0, options.requests - sent)))
        await asyncio.sleep(_SETTLE_SECONDS)
        growth = (resident(process) - before) / 2**20
    report(
        options,
        Measured(
            capacity,
            steps,
            retry_errors(burst, capacity / options.seconds),
            growth,
            sent,
            served_at_first_return(burst),
            shares[max(shares)],
        ),
    )


def rate(answers: Sequence[Answer]) -> float:
    """Requests answered a second, by clients that always wait for an answer.

    Raises:
        ValueError: one was not answered with a transcript.
    """
    if {answer.status for answer in answers} != {_OK}:
        raise ValueError(f"unloaded, the service answers {statuses(answers)}")
    return len(answers) / (
        max(answer.answered for answer in answers) - min(answer.sent for answer in answers)
    )


def retry_errors(burst: Sequence[Sequence[Answer]], clips_per_second: float) -> list[float]:
    """By which factor each first `Retry-After` was off, either way; at least 1.

    The right one is the instant at which there is room for the clip, were the service always busy
    at its capacity and those that come back before it served first. Room begins to form when the
    first clip is refused. Below a second nothing can be known, and the header has whole seconds,
    rounded up: any value within that second is right.
    """
    refused = [answers[0] for answers in burst if answers[0].status == _REFUSED]
    full = min((answer.answered for answer in refused), default=0.0)
    errors = []
    for rank, answer in enumerate(sorted(refused, key=lambda each: each.returns), start=1):
        given = max(1.0, answer.retry_after)
        right = max(1.0, full + rank / clips_per_second - answer.answered)
        errors.append(max(1.0, max(1.0, given - 1.0) / right, right / given))
    return errors


def served_at_first_return(burst: Sequence[Sequence[Answer]]) -> float:
    """Share of the refused clips that were accepted when they came back for the first time."""
    returned = [answers[1].status == _OK for answers in burst if answers[0].status == _REFUSED]
    return sum(returned) / max(1, len(returned))


def processor_seconds(process: psutil.Process) -> float:
    """Processor time of a process so far, its children's included while they run."""
    family = [process, *process.children(recursive=True)]
    times = [member.cpu_times() for member in family]
    return float(sum(time.user + time.system for time in times))


def resident(process: psutil.Process) -> int:
    """Bytes of the service in memory, its media workers' included."""
    family = [process, *process.children(recursive=True)]
    return sum(member.memory_info().rss for member in family)


def statuses(answers: Sequence[Answer]) -> str:
    """How many answers have each status."""
    counts = sorted(Counter(answer.status for answer in answers).items())
    return ", ".join(f"{status}: {count}" for status, count in counts)


def report(options: argparse.Namespace, measured: Measured) -> None:
    """Print the table and the line of JSON."""
    steps, errors, growth = measured.steps, measured.retry_errors, measured.growth
    by_factor = {step.factor: step for step in steps}
    share = by_factor[4.0].goodput / by_factor[1.0].goodput
    error = float(np.quantile(errors, 0.95)) if errors else 1.0
    in_time = min(step.in_time for step in steps)
    unexpected = sorted(
        {answer.status for step in steps for answer in step.answers} - {_OK, _REFUSED}
    )
    table(
        f"{options.model}, clips of {options.seconds:g} s, patience {options.patience:g} s,"
        f" capacity {measured.capacity:.0f} audio s/s",
        ["times capacity", "goodput", "in time", "p50 s", "p95 s", "statuses"],
        [
            [
                f"{step.factor:g}",
                f"{step.goodput:.1f}",
                f"{step.in_time:.3f}",
                f"{step.p50:.2f}",
                f"{step.p95:.2f}",
                statuses(step.answers),
            ]
            for step in steps
        ],
    )
    table(
        "refusals and memory",
        ["", "measured", "aim"],
        [
            ["goodput at 4 times over that at capacity", f"{share:.3f}", f"{AIM_GOODPUT:g}"],
            ["Retry-After off by, 95th percentile", f"{error:.2f}", f"{AIM_RETRY_FACTOR:g}"],
            [
                "Retry-After off by, median",
                f"{statistics.median(errors) if errors else 1.0:.2f}",
                "",
            ],
            ["refused in the burst", f"{len(errors)}", ""],
            ["of these accepted at the first return", f"{measured.served_at_first_return:.3f}", ""],
            [
                "processor time of the load generator, share",
                f"{measured.generator_share:.3f}",
                "",
            ],
            [f"memory after {measured.requests} requests, MiB", f"{growth:+.1f}", f"{AIM_MIB:g}"],
        ],
    )
    finish(
        {
            "benchmark": "load",
            "model": options.model,
            "seconds": options.seconds,
            "patience_s": options.patience,
            "capacity_audio_s_per_s": round(measured.capacity, 2),
            "goodput_by_factor": {f"{step.factor:g}": round(step.goodput, 2) for step in steps},
            "goodput_at_4x_share": round(share, 4),
            "in_time_share": round(in_time, 4),
            "p95_s_at_4x": round(by_factor[4.0].p95, 3),
            "retry_after_error_factor": round(error, 3),
            "served_at_first_return_share": round(measured.served_at_first_return, 4),
            "generator_processor_share": round(measured.generator_share, 4),
            "rss_growth_mib": round(growth, 2),
            "requests": measured.requests,
            "unexpected_statuses": unexpected,
            "holds": share >= AIM_GOODPUT
            and in_time >= AIM_IN_TIME
            and error <= AIM_RETRY_FACTOR
            and growth < AIM_MIB
            and not unexpected,
        }
    )


if __name__ == "__main__":
    main()
