"""`nordlyd jobs audit` on a data folder of its own, in this process."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from event_loops import on_event_loop
from typer import Typer
from typer.testing import CliRunner

from app.audit import AUDIT_LOG, AuditLog, requested_from
from app.cli.audit import audit
from app.cli.keys import app as keys
from app.errors import ConfigurationError, InvalidRequestError

jobs = Typer()
jobs.command()(audit)
# A second command, so that the first one has a name.
jobs.command("other")(lambda: None)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NORDLYD_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(jobs, ["audit", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def new_key(name: str) -> str:
    made = CliRunner().invoke(keys, ["create", name, "--json"], catch_exceptions=False)
    return str(json.loads(made.stdout)["id"])


def write(data: Path, *entries: tuple[str, str, str]) -> None:
    """Adds lines as the service does: what was done to which job, and whose it is."""

    @on_event_loop
    async def record() -> None:
        log = AuditLog(data / AUDIT_LOG)
        with requested_from("192.0.2.7"):
            for action, job, owner in entries:
                await log.record(action, job, owner)  # type: ignore[arg-type]

    record()


def actions(*arguments: str) -> list[tuple[str, str]]:
    entries = map(json.loads, run("--json", *arguments).splitlines())
    return [(entry["job"], entry["action"]) for entry in entries]


def test_entries_are_shown_in_order_with_the_names_of_keys(data: Path) -> None:
    key = new_key("Arkivet")
    write(data, ("submitted", "job_1", key), ("fetched", "job_2", ""))
    first, second = (line.split("\t") for line in run().splitlines())
    assert (first[0], first[2:5]) == ("job_1", ["submitted", "Arkivet", "192.0.2.7"])
    assert (second[0], second[2:5]) == ("job_2", ["fetched", "", "192.0.2.7"])
    assert datetime.fromisoformat(first[1]) <= datetime.now(UTC)


def test_json_is_the_lines_of_the_log(data: Path) -> None:
    write(data, ("submitted", "job_1", ""), ("deleted", "job_1", ""))
    assert run("--json") == (data / AUDIT_LOG).read_text()


def test_entries_of_one_job_and_of_one_key_are_chosen(data: Path) -> None:
    first, second, other = new_key("Arkivet"), new_key("Arkivet"), new_key("Redaksjonen")
    write(data, ("submitted", "job_1", first), ("submitted", "job_2", second))
    write(data, ("submitted", "job_3", other), ("fetched", "job_1", first))
    assert actions("--job", "job_1") == [("job_1", "submitted"), ("job_1", "fetched")]
    assert [job for job, _ in actions("--key", "Arkivet")] == ["job_1", "job_2", "job_1"]
    assert actions("--key", second) == [("job_2", "submitted")]
    assert actions("--key", "Arkivet", "--job", "job_2") == [("job_2", "submitted")]


def test_older_entries_are_left_out(data: Path) -> None:
    write(data, ("submitted", "job_1", ""))
    entry = json.loads((data / AUDIT_LOG).read_text())
    entry |= {"job": "job_0", "time": (datetime.now(UTC) - timedelta(hours=3)).isoformat()}
    with (data / AUDIT_LOG).open("a") as log:
        log.write(json.dumps(entry) + "\n")
    assert [job for job, _ in actions("--since", "2h")] == ["job_1"]
    assert {job for job, _ in actions("--since", "1d")} == {"job_0", "job_1"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("--since", "yesterday"), "--since"), (("--key", "Arkivett"), "'Arkivett'")],
    ids=["since", "key"],
)
def test_wrong_option_is_refused_by_its_name(
    data: Path, arguments: tuple[str, ...], named: str
) -> None:
    new_key("Arkivet")
    with pytest.raises(InvalidRequestError, match=named):
        run(*arguments)


def test_id_of_a_removed_key_is_found(data: Path) -> None:
    key = new_key("Arkivet")
    write(data, ("submitted", "job_1", key))
    CliRunner().invoke(keys, ["revoke", key, "--remove"], catch_exceptions=False)
    assert actions("--key", key) == [("job_1", "submitted")]


def test_damaged_line_is_counted_and_the_others_are_shown(data: Path) -> None:
    write(data, ("submitted", "job_1", ""))
    with (data / AUDIT_LOG).open("a") as log:
        log.write('{"time": "2026-11-\n')
    write(data, ("deleted", "job_1", ""))
    result = CliRunner().invoke(jobs, ["audit", "--json"], catch_exceptions=False)
    assert len(result.stdout.splitlines()) == 2
    assert "1 line of" in result.stderr


def test_service_without_jobs_has_no_log_and_gets_none(data: Path) -> None:
    result = CliRunner().invoke(jobs, ["audit"], catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no audit log" in result.stderr
    assert list(data.iterdir()) == []


def test_log_that_is_no_file_is_an_error(data: Path) -> None:
    (data / AUDIT_LOG).mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        run()


def test_command_is_part_of_nordlyd_jobs(data: Path) -> None:
    write(data, ("submitted", "job_1", ""))
    ended = subprocess.run(
        [Path(sys.executable).with_name("nordlyd"), "jobs", "audit", "--json"],
        env={**os.environ, "NORDLYD_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (data / AUDIT_LOG).read_text()
