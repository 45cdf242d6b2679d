"""`nordlyd stream` with a pipe, a file, a terminal and a microphone."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from demo_model import DEMO, sample_texts
from running import KEY, NORDLYD, RunningServer, environment

SAMPLE = DEMO / "samples" / "sample-1.flac"
HERE = {"MODELS": "demo-nb,demo-da"}


def stream(
    *arguments: str | Path, stdin: bytes = b"", settings: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        [NORDLYD, "stream", *arguments, "--language", "nb"], env=environment(settings or {}),
        input=stdin, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert b"Traceback" not in ended.stderr, ended.stderr
    return subprocess.CompletedProcess(
        ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode()
    )


@pytest.fixture(scope="module")
def sound() -> tuple[bytes, int]:
    """The sample as 16-bit samples, and their rate."""
    samples, rate = soundfile.read(SAMPLE, dtype="int16")
    return samples.tobytes(), rate


@pytest.mark.long
def test_pipe_gives_the_text_of_the_file(demos: RunningServer) -> None:
    expected = sample_texts()[0] + "\n"
    by_server = stream(stdin=SAMPLE.read_bytes(), settings={"SERVER": demos.address})
    assert (by_server.returncode, by_server.stdout, by_server.stderr) == (0, expected, "")
    here = stream("-", stdin=SAMPLE.read_bytes(), settings=HERE)
    assert (here.returncode, here.stdout, here.stderr) == (0, expected, "")


@pytest.mark.long
def test_containers_and_raw_samples_are_decoded(
    demos: RunningServer, sound: tuple[bytes, int], tmp_path: Path
) -> None:
    data, rate = sound
    pipes: dict[str, tuple[list[str], bytes]] = {
        "raw": (["--rate", str(rate)], data),
        "raw stereo": (["--rate", str(rate), "--channels", "2"], b"".join(
            data[at : at + 2] * 2 for at in range(0, len(data), 2)
        )),
    }  # fmt: skip
    for name, options in (
        ("wav", {}), ("ogg", {"format": "OGG", "subtype": "VORBIS"}), ("mp3", {}),
    ):  # fmt: skip
        path = tmp_path / f"sample.{name}"
        soundfile.write(path, soundfile.read(SAMPLE)[0], rate, **options)
        pipes[name] = ([], path.read_bytes())
    # A recorder that writes into a pipe cannot know how long it will be.
    wav = pipes["wav"][1]
    pipes["endless wav"] = ([], wav[:4] + b"\xff" * 4 + wav[8:40] + b"\xff" * 4 + wav[44:])
    for name, (arguments, stdin) in pipes.items():
        ended = stream(*arguments, "--server", demos.address, stdin=stdin)
        assert (ended.returncode, ended.stderr) == (0, ""), name
        assert ended.stdout.split() == sample_texts()[0].split(), name


@pytest.mark.long
def test_json_events_are_the_same_from_both_backends(
    demos: RunningServer, sound: tuple[bytes, int]
) -> None:
    data, rate = sound
    # So much less likely are other texts of the sample.
    beam = ["--n-best", "2", "--prune-logp", "-40"]
    common = ["--json", "--rate", str(rate), *beam, "--format-text"]
    events_of = {}
    for name, arguments, settings in (
        ("server", ["--server", demos.address], {}), ("here", [], HERE),
    ):  # fmt: skip
        ended = stream(*common, *arguments, stdin=data, settings=settings)
        events = [json.loads(line) for line in ended.stdout.splitlines()]
        assert [events[0]["type"], events[-1]["type"]] == ["ready", "end"]
        assert events[-1]["duration"] == pytest.approx(len(data) / 2 / rate, abs=0.01)
        events_of[name] = [event for event in events if event["type"] in {"endpoint", "final"}]
    assert events_of["server"] == events_of["here"]
    final = events_of["here"][-1]
    assert (final["text"], len(final["alternatives"])) == (sample_texts()[0], 2)
    assert final["formatted_text"][0].isupper()


def test_terminal_redraws_partial_text(demos: RunningServer, sound: tuple[bytes, int]) -> None:
    data, rate = sound
    screen, terminal = pty.openpty()
    running = subprocess.Popen(
        [NORDLYD, "stream", "--rate", str(rate), "--server", demos.address, "--language", "nb"],
        env=environment({}) | {"TERM": "xterm", "COLUMNS": "200"}, stdin=subprocess.PIPE,
        stdout=terminal,
    )  # fmt: skip
    os.close(terminal)
    assert running.stdin is not None
    half = len(data) // 4 * 2
    running.stdin.write(data[:half])
    running.stdin.flush()
    shown = b""
    while b"velg" not in shown:
        shown += os.read(screen, 65_536)
    assert sample_texts()[0].encode() not in shown
    running.stdin.write(data[half:])
    running.stdin.close()
    while sample_texts()[0].encode() + b"\r\n" not in shown:
        shown += os.read(screen, 65_536)
    assert running.wait(60) == 0
    os.close(screen)


@pytest.mark.long
def test_interrupt_ends_the_audio_and_prints_the_last_words(
    demos: RunningServer, sound: tuple[bytes, int]
) -> None:
    data, rate = sound
    running = subprocess.Popen(
        [NORDLYD, "stream", "--json", "--rate", str(rate), "--server", demos.address,
         "--language", "nb"],
        env=environment({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(data)
    running.stdin.flush()
    events = []
    while not events or events[-1]["type"] != "partial":
        events.append(json.loads(running.stdout.readline()))
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    events += [json.loads(line) for line in running.stdout.read().splitlines()]
    assert running.wait(60) == 130
    assert running.stderr is not None
    assert running.stderr.read() == b""
    assert events[-1]["type"] == "end"
    assert [event["text"] for event in events if event["type"] == "final"] == [sample_texts()[0]]
    for pipe in (running.stdin, running.stdout, running.stderr):
        pipe.close()


# Replaces the library, since a test machine has no microphone: PortAudio calls back with its
# samples, on its own thread, until it is stopped.
MICROPHONE = """
import os, threading, time
from pathlib import Path

class PortAudioError(Exception):
    pass

def query_devices(device=None, kind=None):
    rate = float(os.environ["RATE"])
    booth = {"name": "Booth", "default_samplerate": rate, "max_input_channels": 1}
    if kind is None:
        return [booth]
    if device not in {None, 0, "Booth"}:
        raise ValueError(f"No input device matching {device!r}")
    return booth

class RawInputStream:
    def __init__(self, *, samplerate, blocksize, device, channels, dtype, callback):
        assert (channels, dtype) == (1, "int16")
        self.size, self.callback, self.stopped = 2 * blocksize, callback, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
    def run(self):
        sound = Path(os.environ["SOUND"]).read_bytes()
        while not self.stopped.is_set():
            piece, sound = sound[: self.size].ljust(self.size, bytes(1)), sound[self.size :]
            self.callback(memoryview(piece), self.size // 2, None, None)
            time.sleep(0.002 if sound else 0.05)
    def __enter__(self):
        self.thread.start()
        return self
    def __exit__(self, *_):
        self.stopped.set()
"""


@pytest.mark.long
def test_microphone_is_transcribed_until_an_interrupt(
    demos: RunningServer, sound: tuple[bytes, int], tmp_path: Path
) -> None:
    (tmp_path / "sounddevice.py").write_text(MICROPHONE)
    (tmp_path / "sound").write_bytes(sound[0])
    variables = environment({"SERVER": demos.address}) | {
        "PYTHONPATH": str(tmp_path), "SOUND": str(tmp_path / "sound"), "RATE": str(sound[1]),
    }  # fmt: skip
    command = [NORDLYD, "stream", "--language", "nb", "--device"]
    running = subprocess.Popen(
        [*command, "0"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    # Silence follows, so this ends while the microphone is still open.
    assert running.stdout.readline() == sample_texts()[0] + "\n"
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    assert running.communicate(timeout=60) == ("", "")
    assert running.returncode == 0
    wrong = subprocess.run(
        [*command, "Cellar"], env=variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert wrong.returncode == 1
    assert wrong.stderr == (
        "nordlyd: no microphone can be opened: No input device matching 'Cellar'; "
        "there are: Booth\n"
    )


@pytest.mark.long
def test_key_is_required_by_a_guarded_server(
    guarded: RunningServer, clip: Callable[..., bytes]
) -> None:
    server = ["--server", guarded.address]
    assert stream(*server, "--api-key", KEY, stdin=clip()).returncode == 0
    refused = stream(*server, stdin=clip())
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("nordlyd: An API key is needed")


@pytest.mark.long
def test_unusable_source_is_one_line(demos: RunningServer, tmp_path: Path) -> None:
    server = ["--server", demos.address]
    for arguments, stdin, message in (
        (server, b"", "The audio is empty"),
        (server, b"no sound in here" * 9, "The audio cannot be read: it is text."),
        ([*server, str(tmp_path / "none.wav")], b"", "none.wav: cannot be read: No such file"),
        ([*server, "--encoding", "s16le"], b"", "raw samples need their rate"),
        ([*server, "--rate", "16000", "--model", "no-such"], bytes(32), "no-such"),
        ([*server, "--endpoint-silence", "99"], SAMPLE.read_bytes(), "endpoint_silence"),
        ([*server, "--device", "no such microphone"], b"", "microphone"),
    ):
        ended = stream(*arguments, stdin=stdin)
        assert (ended.returncode, ended.stdout) == (1, ""), arguments
        assert message in ended.stderr
        assert len(ended.stderr.splitlines()) == 1, ended.stderr
