"""Mixed load on a real service for a while, and what it leaves behind.

`nordlyd bench soak --minutes 30`: short and long recordings, live streams, jobs with webhooks, the
compatible routes, bad input, hang-ups, slow uploads and refusals, all at once. It fails (status 1)
where an answer is not what it must be, where the log has an error, where descriptors or threads
have grown since the warm-up, or where files are left. Memory is reported, not judged.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil

from app.bundled import catalogue_folder
from app.keys.ring import configured_id
from bench.machine import cpu_name
from bench.receiver import SECRET, Receiver, receiver
from bench.report import finish, table
from bench.resources import Resources, files_below, resources, settled
from bench.service import free_port, nordlyd
from bench.sounds import flac, speech
from bench.traffic import KINDS, Kind, Outcome, Site, attempt
from bench.traffic.jobs import erase_all

MODELS = ("demo-nb", "demo-nn", "demo-da")
KEPT_FILES = (
    "lock", "nordlyd.db", "nordlyd.db-wal", "nordlyd.db-shm", "audit.jsonl", "webhook-secret",
)  # fmt: skip
"""What may be in NORDLYD_DATA once all jobs are erased."""
GROWTH = 8
"""By how many descriptors or threads the server, or its workers, may have grown."""

_MINUTE = 60.0
_SETTLE_SECONDS = 30.0
_SAMPLES = 6
_SHOWN_PROBLEMS = 10
_KEY, _LIMITED_KEY = "soak-key", "soak-limited-key"
_LONG_SECONDS, _STREAM_SECONDS = 120.0, 6.0
_CLIP_SECONDS = (1.5, 3.0, 6.0, 12.0)
_IDLE_SECONDS = 5


@dataclass(slots=True)
class Soaked:
    """What was seen.

    Attributes:
        outcomes: of all requests after the warm-up.
        samples: what the service held, each with the minutes since the warm-up. The first and the
            last are without load.
        left: files that nothing needs any more.
        errors: lines of the service's log.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    samples: list[tuple[float, Resources]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[Outcome]:
        """What was not as it must be."""
        return [outcome for outcome in self.outcomes if outcome.problem]

    @property
    def growth(self) -> dict[str, int]:
        """What has grown from the first to the last sample by more than it may."""
        (_, first), (_, last) = self.samples[0], self.samples[-1]
        grown = {
            "server descriptors": last.server.descriptors - first.server.descriptors,
            "server threads": last.server.threads - first.server.threads,
            "worker descriptors": last.workers.descriptors - first.workers.descriptors,
            "worker threads": last.workers.threads - first.workers.threads,
        }
        return {name: by for name, by in grown.items() if by > GROWTH}

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not (self.problems or self.growth or self.left or self.errors)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, print; returns the exit status."""
    parser = argparse.ArgumentParser(prog="nordlyd bench soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of load after the warm-up")
    parser.add_argument("--warm-up", type=float, default=60.0, help="seconds of load before")
    parser.add_argument("--only", help=f"kinds of traffic, with commas; of {', '.join(KINDS)}")
    parser.add_argument("--json", action="store_true", help="print the line of JSON alone")
    options = parser.parse_args(argv)
    kinds = [KINDS[name] for name in options.only.split(",")] if options.only else KINDS.values()
    soaked = asyncio.run(_soak(kinds, options.minutes * _MINUTE, options.warm_up))
    report(soaked, options.minutes, only_json=options.json)
    return 0 if soaked.holds else 1


async def _soak(kinds: Iterable[Kind], seconds: float, warm_up: float) -> Soaked:
    """Starts a service, loads it, stops it, and looks at what is left."""
    with tempfile.TemporaryDirectory(prefix="nordlyd-soak-") as name:
        folder = Path(name)
        async with receiver() as webhooks:
            vosk_port = free_port()
            with nordlyd(MODELS, folder=folder, **_settings(webhooks, vosk_port)) as service:
                site = _site(service.port, vosk_port, webhooks)
                soaked = await load(site, service.pid, kinds, seconds=seconds, warm_up=warm_up)
                async with site:
                    await erase_all(site)
                soaked.left += _left(folder, "while it runs")
            soaked.left += _left(folder, "after its end")
            soaked.errors += webhooks.invalid + log_errors(folder / "log")
    return soaked


def _settings(webhooks: Receiver, vosk_port: int) -> dict[str, object]:
    quotas = {configured_id(_LIMITED_KEY.encode()): {"requests_per_minute": 5}}
    return {
        "api_keys": f"{_KEY},{_LIMITED_KEY}",
        "quotas": json.dumps(quotas),
        "default_language": "nb",
        "url_hosts": webhooks.rule,
        "webhook_secret": SECRET,
        "vosk_port": vosk_port,
        # So that what clients leave behind is given up while it can be measured.
        "header_seconds": _IDLE_SECONDS,
        "upload_idle_seconds": _IDLE_SECONDS,
        "live_keep_seconds": _IDLE_SECONDS,
        "log_format": "json",
    }


def _site(port: int, vosk_port: int, webhooks: Receiver) -> Site:
    samples = speech(catalogue_folder() / MODELS[0] / "samples", _LONG_SECONDS)
    assert samples is not None
    live = samples[: round(_STREAM_SECONDS * 16_000)]
    return Site(
        port,
        vosk_port,
        clips=[flac(samples[: round(seconds * 16_000)]) for seconds in _CLIP_SECONDS],
        long=flac(samples),
        speech=(np.clip(live, -1, 1) * (2**15 - 1)).astype("<i2").tobytes(),
        key=_KEY,
        limited_key=_LIMITED_KEY,
        receiver=webhooks,
    )


async def load(
    site: Site, pid: int, kinds: Iterable[Kind], *, seconds: float, warm_up: float
) -> Soaked:
    """Loads a service and samples what it holds.

    Args:
        site: the service.
        pid: of its process.
        kinds: of traffic.
        seconds: of load that is counted.
        warm_up: seconds of load before.
    """
    soaked = Soaked()
    kinds = list(kinds)
    async with site:
        await _drive(site, kinds, warm_up)
    soaked.samples.append((0.0, await settled(pid, longest=_SETTLE_SECONDS)))
    started = time.perf_counter()
    async with site:
        sampling = asyncio.create_task(_sample(soaked, pid, started, seconds))
        try:
            soaked.outcomes += await _drive(site, kinds, seconds)
        finally:
            sampling.cancel()
    with suppress(psutil.NoSuchProcess):
        held = await settled(pid, longest=_SETTLE_SECONDS)
        soaked.samples.append(((time.perf_counter() - started) / _MINUTE, held))
    return soaked


async def _drive(site: Site, kinds: Iterable[Kind], seconds: float) -> list[Outcome]:
    """Sends every kind of traffic for a while, and returns once all of it has ended."""
    until = time.perf_counter() + seconds
    outcomes: list[Outcome] = []

    async def work(kind: Kind) -> None:
        while time.perf_counter() < until:
            outcomes.append(await attempt(kind, site))
            await asyncio.sleep(site.chance.expovariate(1 / kind.pause))

    await asyncio.gather(*(work(kind) for kind in kinds for _ in range(kind.clients)))
    return outcomes


async def _sample(soaked: Soaked, pid: int, started: float, seconds: float) -> None:
    pause = min(_MINUTE, seconds / _SAMPLES)
    with suppress(psutil.NoSuchProcess):
        while True:
            await asyncio.sleep(pause)
            held = await asyncio.to_thread(resources, pid)
            soaked.samples.append(((time.perf_counter() - started) / _MINUTE, held))


def _left(folder: Path, when: str) -> list[str]:
    found = files_below(folder / "data", but=KEPT_FILES) + files_below(folder / "tmp")
    return [f"{path} ({when})" for path in found]


def log_errors(log: Path) -> list[str]:
    """The lines of a service's log that report an error, and that it was ended by force."""
    found, stopped = [], False
    for line in log.read_text().splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        stopped = stopped or entry.get("event") == "stopped"
        if entry.get("level") in {"error", "critical"} or line.startswith("Traceback"):
            found.append(line)
    return found if stopped else [*found, "the service did not end by itself"]


def report(soaked: Soaked, minutes: float, *, only_json: bool) -> None:
    """Print the tables and the line of JSON."""
    kinds = sorted({outcome.kind for outcome in soaked.outcomes}, key=list(KINDS).index)
    figures = {kind: _figures(soaked, kind) for kind in kinds}
    if not only_json:
        _print_tables(soaked, figures, minutes)
    finish(
        {
            "benchmark": "soak",
            "minutes": minutes,
            "cpu": cpu_name(),
            "requests": len(soaked.outcomes),
            "kinds": figures,
            "problems": [asdict(each) for each in soaked.problems[:_SHOWN_PROBLEMS]],
            "unexpected": len(soaked.problems),
            "samples": [{"minute": round(at, 2), **asdict(held)} for at, held in soaked.samples],
            "growth": soaked.growth,
            "left": soaked.left,
            "errors": soaked.errors[:_SHOWN_PROBLEMS],
            "holds": soaked.holds,
        }
    )


def _figures(soaked: Soaked, kind: str) -> dict[str, object]:
    """The requests of a kind by status, those that went wrong, and how long the others took."""
    outcomes = [outcome for outcome in soaked.outcomes if outcome.kind == kind]
    seconds = [outcome.seconds for outcome in outcomes if not outcome.problem] or [0.0]
    return {
        "requests": len(outcomes),
        "statuses": dict(sorted(Counter(outcome.status for outcome in outcomes).items())),
        "unexpected": sum(1 for outcome in outcomes if outcome.problem),
        "p50_s": round(float(np.quantile(seconds, 0.5)), 3),
        "p99_s": round(float(np.quantile(seconds, 0.99)), 3),
    }


def _print_tables(
    soaked: Soaked, figures: Mapping[str, Mapping[str, object]], minutes: float
) -> None:
    table(
        f"{len(soaked.outcomes)} requests in {minutes:g} minutes, {cpu_name()}",
        ["", "requests", "unexpected", "p50 s", "p99 s", "statuses"],
        [
            [
                kind,
                f"{found['requests']}",
                f"{found['unexpected']}",
                f"{found['p50_s']}",
                f"{found['p99_s']}",
                str(found["statuses"])[1:-1].replace("'", ""),
            ]
            for kind, found in figures.items()
        ],
    )
    columns = ["processes", "rss_mib", "descriptors", "threads"]
    table(
        "what the server and its workers held; the first and the last line without load",
        ["minute", *(f"server {name}" for name in columns[1:]), *(f"w. {n}" for n in columns)],
        [
            [
                f"{at:.1f}",
                *(str(asdict(held.server)[name]) for name in columns[1:]),
                *(str(asdict(held.workers)[name]) for name in columns),
            ]
            for at, held in soaked.samples
        ],
    )
    for outcome in soaked.problems[:_SHOWN_PROBLEMS]:
        print(f"{outcome.kind}: {outcome.problem}")
    for name, by in soaked.growth.items():
        print(f"{name} have grown by {by}")
    for path in soaked.left:
        print(f"left: {path}")
    for line in soaked.errors[:_SHOWN_PROBLEMS]:
        print(f"log: {line}")


if __name__ == "__main__":
    sys.exit(main())
