"""A soak of some seconds finds no fault in the service, and finds those that are injected."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sounds import as_wav, tones

from bench import soak
from bench.receiver import receiver
from bench.traffic import KINDS, Site

pytestmark = pytest.mark.long

SERVER = Path(__file__).parents[2] / "faulty_server.py"


@contextmanager
def faulty_server(fault: str) -> Iterator[tuple[int, int]]:
    """A server with a fault, or with none: its port and process id."""
    with subprocess.Popen(
        [sys.executable, SERVER, fault], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


def soaked(fault: str) -> soak.Soaked:
    """The findings of short clips alone."""

    async def run(port: int, pid: int) -> soak.Soaked:
        clip = as_wav(tones(0, 0.5))
        async with receiver() as webhooks:
            site = Site(port, 0, [clip], clip, b"", "key", "limited", webhooks)
            return await soak.load(site, pid, [KINDS["clip"]], seconds=6, warm_up=0.5)

    with faulty_server(fault) as (port, pid):
        return asyncio.run(run(port, pid))


def test_server_without_a_fault_holds() -> None:
    found = soaked("none")
    assert found.outcomes
    assert found.holds, (found.problems, found.growth)


def test_leaked_descriptors_are_reported() -> None:
    found = soaked("leak")
    assert not found.problems
    assert found.growth["server descriptors"] >= len(found.outcomes) > soak.GROWTH
    assert not found.holds


def test_unexpected_statuses_are_reported() -> None:
    found = soaked("error")
    assert found.problems == found.outcomes
    assert {outcome.status for outcome in found.problems} == {"500"}
    assert "POST /transcribe: 500" in found.problems[0].problem
    assert not found.holds


def test_soak_of_the_service_finds_no_fault(capsys) -> None:
    status = soak.main(["--minutes", "0.1", "--warm-up", "2", "--json"])
    [line] = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert status == 0, line
    assert found["holds"]
    assert set(found["kinds"]) == set(KINDS)
    assert found["unexpected"] == 0
    assert found["kinds"]["job"]["statuses"].keys() == {"completed"}
    assert found["samples"][-1]["server"]["descriptors"] > 0


def test_errors_of_the_log_and_a_forced_end_are_reported(tmp_path: Path) -> None:
    log = tmp_path / "log"
    failed = json.dumps({"event": "job failed", "level": "error"})
    stopped = json.dumps({"event": "stopped", "level": "info"})
    log.write_text(f"Nordlyd is ready.\n{failed}\n{stopped}\n")
    assert soak.log_errors(log) == [failed]
    log.write_text("Nordlyd is ready.\n")
    assert soak.log_errors(log) == ["the service did not end by itself"]
