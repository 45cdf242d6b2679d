"""`nordlyd jobs`, and `nordlyd transcribe --server` over a folder, which hands in jobs."""

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docx
import pytest
from demo_model import DEMO, sample_texts
from running import NORDLYD, RunningServer, environment

SAMPLES = sorted((DEMO / "samples").glob("*.flac"))

pytestmark = pytest.mark.long

Command = Callable[..., subprocess.CompletedProcess[str]]


def accepted(metrics: str) -> float:
    """Returns how many requests the server has answered with 202, as POST /jobs does."""
    found = re.findall(r'^nordlyd_requests_total{route="/jobs",status="202"} (.*)$', metrics, re.M)
    return sum(map(float, found))


@pytest.fixture
def nordlyd(demos: RunningServer, tmp_path: Path) -> Iterator[Command]:
    """Runs `nordlyd` against the server; no job is left at the end."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [NORDLYD, *arguments], env=environment({"SERVER": demos.address}), cwd=tmp_path,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    yield run
    ids = run("jobs", "list", "--json").stdout.splitlines()
    for line in ids:
        run("jobs", "delete", json.loads(line)["id"])


def test_job_is_handed_in_followed_fetched_and_erased(nordlyd: Command, tmp_path: Path) -> None:
    handed_in = nordlyd(
        "jobs", "submit", SAMPLES[0], SAMPLES[1], "--language", "nb", "--metadata", '{"case": "Å"}'
    )
    assert handed_in.returncode == 0, handed_in.stderr
    first, second = handed_in.stdout.split()
    waited = nordlyd("jobs", "wait", second, "--json")
    assert (waited.returncode, json.loads(waited.stdout)["metadata"]) == (0, {"case": "Å"})
    assert nordlyd("jobs", "wait", first).returncode == 0
    listed = nordlyd("jobs", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:3]] == [second, first]
    assert nordlyd("jobs", "result", first).stdout.strip() == sample_texts()[0]
    assert nordlyd("jobs", "result", first, "-f", "vtt", "-o", "a.vtt").returncode == 0
    assert nordlyd("jobs", "result", first, "-f", "docx", "--times", "-o", "a.docx").returncode == 0
    written = docx.Document(str(tmp_path / "a.docx")).paragraphs[1].text
    assert written == f"[00:00:00] {sample_texts()[0]}"
    assert (tmp_path / "a.vtt").read_text().startswith("WEBVTT")
    assert nordlyd("jobs", "delete", first, second).returncode == 0
    gone = nordlyd("jobs", "show", first)
    assert gone.returncode == 1
    assert gone.stderr == f"nordlyd: There is no job {first!r}.\n"


def test_failed_job_is_waited_for_with_status_1_and_its_error(
    nordlyd: Command, tmp_path: Path
) -> None:
    (tmp_path / "notes.wav").write_text("No sound in here.")
    job_id = nordlyd("jobs", "submit", "notes.wav").stdout.strip()
    waited = nordlyd("jobs", "wait", job_id)
    assert waited.returncode == 1
    assert "error: The audio cannot be read: it is text." in waited.stdout
    result = nordlyd("jobs", "result", job_id)
    assert result.returncode == 1
    assert result.stderr.startswith("nordlyd: The audio cannot be read: it is text.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("submit", "gone.wav"), "gone.wav: cannot be read: No such file or directory"),
        (("submit", "x.wav", "--metadata", "[1]"), "the metadata is '[1]'; accepted: a JSON"),
        (("list", "--status", "lost"), "accepted: queued, processing, completed, failed or"),
        (("result", "job_1", "-f", "odt"), "the format is 'odt'; accepted: json, text"),
        (("result", "job_1", "-f", "docx"), "docx is no text to print; it needs a file: --output"),
        (("result", "job_1", "-f", "srt", "--times"), "times gives the times of paragraphs; acc"),
    ],
)
def test_wrong_use_is_explained_in_one_line(
    nordlyd: Command, arguments: tuple[str, ...], message: str
) -> None:
    ended = nordlyd("jobs", *arguments)
    assert ended.returncode == 1
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_folder_is_transcribed_by_jobs_that_are_deleted_afterwards(
    nordlyd: Command, demos: RunningServer, tmp_path: Path
) -> None:
    folder = tmp_path / "day"
    folder.mkdir()
    for sample in SAMPLES:
        shutil.copy(sample, folder)
    with demos.client() as client:
        before = accepted(client.get("/metrics").text)
    ended = nordlyd("transcribe", "day", "-o", "out", "--language", "nb")
    assert ended.returncode == 0, ended.stderr
    texts = [(tmp_path / "out" / f"{sample.stem}.txt").read_text().strip() for sample in SAMPLES]
    assert texts == list(sample_texts())[: len(SAMPLES)]
    with demos.client() as client:
        assert client.get("/jobs").json()["jobs"] == []
        # Each recording was a job, not a request of its own.
        assert accepted(client.get("/metrics").text) - before == len(SAMPLES)


def test_interrupted_run_finds_its_jobs_again(
    nordlyd: Command, demos: RunningServer, tmp_path: Path
) -> None:
    folder = tmp_path / "day"
    folder.mkdir()
    for sample in SAMPLES:
        shutil.copy(sample, folder)
    ledger = tmp_path / "out" / ".nordlyd" / "jobs.json"
    arguments = ["transcribe", "day", "-o", "out", "--language", "nb"]
    with subprocess.Popen(
        [NORDLYD, *arguments], env=environment({"SERVER": demos.address}), cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        while not (ledger.exists() and json.loads(ledger.read_bytes())):
            assert running.poll() is None
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)
    with demos.client() as client:
        handed_in = {job["id"] for job in client.get("/jobs").json()["jobs"]}
        assert handed_in
        assert nordlyd(*arguments).returncode == 0
        assert client.get("/jobs").json()["jobs"] == []
    assert sorted(path.name for path in (tmp_path / "out").glob("*.txt")) == [
        f"{sample.stem}.txt" for sample in SAMPLES
    ]
