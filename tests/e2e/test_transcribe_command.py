"""`nordlyd transcribe` over many files: which it finds, where it writes, and how it continues."""

import json
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from demo_model import DEMO, sample_texts
from running import KEY, NORDLYD, RunningServer, environment
from scripted_server import Answer, Scripted, answers, error, scripted_server, transcription

from app.formats import FORMATS, describe

pytestmark = pytest.mark.long

SAMPLES = sorted((DEMO / "samples").glob("*.flac"))

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def nordlyd(tmp_path: Path) -> Command:
    """Runs `nordlyd transcribe` in the folder of the test."""

    def run(
        *arguments: str | Path, settings: dict[str, str] | None = None, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            [NORDLYD, "transcribe", *arguments], env=environment(settings or {}), cwd=tmp_path,
            input=stdin, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        assert b"Traceback" not in ended.stderr, ended.stderr
        return subprocess.CompletedProcess(
            ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode()
        )

    return run


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Recordings with similar names, and a file that is none."""
    folder = tmp_path / "archive"
    for place in ("a/x.wav", "b/x.wav", "b/x.mp3", "b/deep/Møte 12.30", "b/deep/y"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLES[0], folder / place)
    (folder / "b" / "notes.wav").write_text("No sound in here.")
    (folder / ".hidden").mkdir()
    for place in (".hidden/x.wav", "b/.x.wav"):
        shutil.copy(SAMPLES[0], folder / place)
    return folder


def written(folder: Path) -> set[str]:
    """All visible files below a folder."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    }


def tones(folder: Path, names: list[str]) -> Path:
    """A folder of distinct recordings, for scripted servers."""
    folder.mkdir()
    for name in names:
        shutil.copy(SAMPLES[0], folder / f"{name}.flac")
        with (folder / f"{name}.flac").open("ab") as file:
            file.write(name.encode())
    return folder


@pytest.mark.long
def test_folder_is_mirrored_in_every_format(
    demos: RunningServer, nordlyd: Command, recordings: Path, tmp_path: Path
) -> None:
    command = ["archive", "--format", "all", "--output", "out", "--server", demos.address,
               "--language", "nb"]  # fmt: skip
    ended = nordlyd(*command)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == "nordlyd: 5 transcribed (out)\n"
    places = ("a/x", "b/x.wav", "b/x.mp3", "b/deep/Møte 12.30", "b/deep/y")
    endings = [describe(name).extension for name in FORMATS]
    out = tmp_path / "out"
    assert written(out) == {f"{place}.{ending}" for place in places for ending in endings}
    assert {(out / f"{place}.txt").read_text() for place in places} == {sample_texts()[0] + "\n"}
    assert json.loads((out / "a/x.json").read_text())["language"] == "nb"
    before = {name: (out / name).stat().st_mtime_ns for name in written(out)}
    again = nordlyd(*command)
    assert (again.returncode, again.stderr) == (0, "nordlyd: 0 transcribed, 5 done before (out)\n")
    assert {name: (out / name).stat().st_mtime_ns for name in written(out)} == before


@pytest.mark.long
def test_local_output_equals_that_of_a_server(
    demos: RunningServer, nordlyd: Command, tmp_path: Path
) -> None:
    common = [*map(str, SAMPLES), "--format", "srt,json", "--format", "ctm", "--format-text",
              "--language", "nb", "--n-best", "2"]  # fmt: skip
    here = nordlyd(*common, "--output", "here", settings={"MODELS": "demo-nb,demo-da"})
    there = nordlyd(*common, "--output", "there", "--server", demos.address)
    assert (here.returncode, there.returncode) == (0, 0), here.stderr + there.stderr
    assert written(tmp_path / "here") == written(tmp_path / "there")
    assert len(written(tmp_path / "here")) == 9
    for name in written(tmp_path / "here"):
        ours, theirs = (tmp_path / where / name for where in ("here", "there"))
        if name.endswith(".json"):
            bodies = [json.loads(path.read_text()) for path in (ours, theirs)]
            for body in bodies:
                del body["timing"], body["request_id"]
            assert _rounded(bodies[0]) == _rounded(bodies[1])
        elif name.endswith(".ctm"):
            rows = [[_number(cell) for cell in path.read_text().split()] for path in (ours, theirs)]
            assert _rounded(rows[0]) == _rounded(rows[1])
        else:
            assert ours.read_text() == theirs.read_text()


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _rounded(value: object) -> object:
    """A body with numbers to two digits: jobs keep log-probabilities in half precision."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return pytest.approx(value, abs=0.005) if isinstance(value, float) else value


def test_globs_and_stdin_are_printed_to_stdout(
    demos: RunningServer, nordlyd: Command, recordings: Path
) -> None:
    server = ["--server", demos.address, "--language", "nb"]
    found = nordlyd("archive/**/*.wav", "archive/b/x.*", *server)
    assert found.returncode == 1
    lines = [f"archive/{place}/x.wav: {sample_texts()[0]}" for place in ("a", "b")]
    assert found.stdout.splitlines()[:2] == lines
    assert found.stdout.splitlines()[2:] == [f"archive/b/x.mp3: {sample_texts()[0]}"]
    assert found.stderr.startswith("nordlyd: archive/b/notes.wav: The audio cannot be read")
    piped = nordlyd("-", "--format", "srt", *server, stdin=SAMPLES[1].read_bytes())
    assert piped.stdout.startswith("1\n00:00:0")
    assert nordlyd("-", "--rate", "16000", *server, stdin=bytes(32_000)).stdout == "\n"


def test_missing_file_is_a_failure(demos: RunningServer, nordlyd: Command) -> None:
    ended = nordlyd("none.wav", "no/*.wav", "--server", demos.address)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines() == [
        f"nordlyd: {name}: Cannot be read: No such file or directory."
        for name in ("none.wav", "no/*.wav")
    ]


@pytest.mark.long
def test_json_prints_one_object_a_recording(
    demos: RunningServer, nordlyd: Command, recordings: Path
) -> None:
    command = ["archive/a", "archive/b/notes.wav", "--json", "--server", demos.address]
    records = [json.loads(line) for line in nordlyd(*command, "-f", "vtt").stdout.splitlines()]
    by_file = {record["file"]: record for record in records}
    done, failed = by_file["archive/a/x.wav"], by_file["archive/b/notes.wav"]
    assert (done["status"], done["result"]["text"]) == ("done", sample_texts()[0])
    assert done["texts"]["vtt"].startswith("WEBVTT")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "unsupported_audio")
    for expected in ("done", "skipped"):
        lines = nordlyd("archive/a", *command[2:], "--output", "out").stdout.splitlines()
        record = json.loads(lines[0])
        assert (record["status"], record["outputs"]) == (expected, {"text": "out/x.txt"})


@pytest.fixture
def holding() -> Iterator[tuple[Scripted, threading.Event]]:
    """A server that answers three files, and holds the rest until it is released."""
    release = threading.Event()

    def answer(number: int, body: bytes) -> Answer:
        if number >= 3:
            release.wait(60)
        return transcription()

    with scripted_server(answer) as server:
        yield server, release
        release.set()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_interrupted_run_continues_with_the_rest(
    holding: tuple[Scripted, threading.Event], nordlyd: Command, tmp_path: Path, how: signal.Signals
) -> None:
    server, release = holding
    folder = tones(tmp_path / "in", [f"f{number}" for number in range(8)])
    command = [folder, "--output", "out", "--format", "text,json", "--jobs", "2",
               "--server", server.url]  # fmt: skip
    running = subprocess.Popen(
        [NORDLYD, "transcribe", *command], cwd=tmp_path, env=environment({}),
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    journal = tmp_path / "out" / ".nordlyd" / "journal.jsonl"
    while not journal.exists() or journal.read_text().count('"formats": ["') < 3:
        assert running.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    # Until the next two are on their way, and what was written is counted.
    while len(server.requests) < 5:
        time.sleep(0.02)
    time.sleep(0.3)
    running.send_signal(how)
    printed = running.communicate(timeout=60)[1]
    if how is signal.SIGINT:
        assert running.returncode == 130
        assert "3 transcribed, 5 not begun or not finished; the same command continues" in printed
    else:
        assert running.returncode == -how
    done = {
        name: (tmp_path / "out" / name).stat().st_mtime_ns for name in written(tmp_path / "out")
    }
    assert len(done) == 6
    release.set()
    server.requests.clear()
    ended = nordlyd(*command)
    assert (ended.returncode, ended.stderr) == (0, "nordlyd: 5 transcribed, 3 done before (out)\n")
    assert len(server.requests) == 5
    assert len(written(tmp_path / "out")) == 16
    for name, changed in done.items():
        assert (tmp_path / "out" / name).stat().st_mtime_ns == changed


def test_interrupt_leaves_finished_texts_on_stdout(
    holding: tuple[Scripted, threading.Event], tmp_path: Path
) -> None:
    server, _ = holding
    tones(tmp_path / "in", [f"f{number}" for number in range(5)])
    running = subprocess.Popen(
        [NORDLYD, "transcribe", "in", "--jobs", "5", "--server", server.url], cwd=tmp_path,
        env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while len(server.requests) < 5:
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    texts, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (130, "")
    assert len(texts.splitlines()) == 3
    assert all(line.endswith(".flac: ja") for line in texts.splitlines())


def test_failures_are_listed_and_tried_again_alone(nordlyd: Command, tmp_path: Path) -> None:
    folder = tones(tmp_path / "in", ["good", "bad", "worse"])
    broken = threading.Event()
    broken.set()

    def answer(number: int, body: bytes) -> Answer:
        if b"good" in body[-200:] or not broken.is_set():
            return transcription()
        return error(422, code="invalid_audio") if b"bad" in body[-200:] else error(500)

    with scripted_server(answer) as server:
        command = [folder, "--output", "out", "--server", server.url]
        ended = nordlyd(*command)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert f"nordlyd: {folder}/bad.flac: No." in ended.stderr.splitlines()
        assert ended.stderr.splitlines()[-4:] == [
            "nordlyd: 1 transcribed, 2 failed (out)",
            f"nordlyd: failed: {folder}/bad.flac",
            f"nordlyd: failed: {folder}/worse.flac",
            "nordlyd: out/failed.txt lists the reasons",
        ]
        listed = (tmp_path / "out" / "failed.txt").read_text().splitlines()
        assert listed == [f"{folder}/{name}.flac\tNo." for name in ("bad", "worse")]
        broken.clear()
        server.requests.clear()
        ended = nordlyd(*command)
        assert (ended.returncode, len(server.requests)) == (0, 2)
    assert not (tmp_path / "out" / "failed.txt").exists()


def test_second_run_in_one_folder_is_refused(
    holding: tuple[Scripted, threading.Event], nordlyd: Command, tmp_path: Path
) -> None:
    server, release = holding
    tones(tmp_path / "in", [f"f{number}" for number in range(5)])
    command = ["in", "--output", "out", "--server", server.url]
    first = subprocess.Popen(
        [NORDLYD, "transcribe", *command], cwd=tmp_path, env=environment({}), stderr=subprocess.PIPE
    )
    until = time.monotonic() + 60
    while len(server.requests) < 5:
        assert time.monotonic() < until
        time.sleep(0.02)
    second = nordlyd(*command)
    assert (second.returncode, second.stderr) == (
        1, "nordlyd: out: another nordlyd writes to this folder.\n",
    )  # fmt: skip
    release.set()
    assert first.communicate(timeout=60)[1] == b"nordlyd: 5 transcribed (out)\n"


def test_busy_server_is_waited_for(nordlyd: Command, tmp_path: Path) -> None:
    tones(tmp_path / "in", ["one"])
    busy = [error(429, retry_after="0"), error(503, retry_after="0"), Answer(None)]
    with scripted_server(answers(*busy, transcription())) as server:
        ended = nordlyd("in", "--server", server.url)
    assert (ended.returncode, ended.stdout, len(server.requests)) == (0, "ja\n", 4)


@pytest.mark.long
def test_error_of_every_file_is_reported_once(
    guarded: RunningServer, demos: RunningServer, nordlyd: Command, tmp_path: Path
) -> None:
    tones(tmp_path / "in", ["one", "two", "three"])
    with scripted_server(answers(transcription())) as server:
        gone = server.url
    for arguments, message in (
        (["--server", guarded.address], "An API key is needed"),
        (["--server", demos.address, "--language", "sv"], "no loaded model serves language 'sv'"),
        (["--server", gone], "cannot be reached"),
        (["--server", "localhost"], "accepted: an address such as http://127.0.0.1:8000."),
        (["--format", "srt,vtt"], "several formats (srt, vtt) need a folder: --output DIR."),
        (["--format", "srt"], "several recordings as srt need a folder: --output DIR."),
        (["--format", "pdf"], "the format is 'pdf'; accepted: json, text, md,"),
    ):
        ended = nordlyd("in", *arguments)
        assert (ended.returncode, ended.stdout) == (1, ""), arguments
        assert message in ended.stderr
        assert len(ended.stderr.splitlines()) == 1, ended.stderr


def test_key_is_read_from_a_variable(
    guarded: RunningServer, nordlyd: Command, tmp_path: Path, clip: Callable[..., bytes]
) -> None:
    (tmp_path / "one.wav").write_bytes(clip())
    settings = {"SERVER": guarded.address, "API_KEY": KEY}
    ended = nordlyd("one.wav", settings=settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.strip()
