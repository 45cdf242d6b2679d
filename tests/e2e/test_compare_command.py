"""`nordlyd-train compare` with models here and running servers, on the same recordings."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from demo_model import DEMO, SAMPLES, sample_texts
from running import KEY, RunningServer, environment

pytestmark = pytest.mark.long

NORDLYD_TRAIN = Path(sys.executable).with_name("nordlyd-train")


def compare(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NORDLYD_TRAIN, "compare", *arguments],
        env=environment({}) | variables,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three samples one after another in one recording, and a manifest of its parts."""
    folder = tmp_path_factory.mktemp("cut")
    lines, start = [], 0.0
    with soundfile.SoundFile(folder / "all.flac", "w", 16000, 1) as recording:
        for number, line in enumerate(SAMPLES.read_text("utf-8").splitlines()):
            entry = json.loads(line)
            samples, _ = soundfile.read(SAMPLES.parent / entry["audio"], dtype="int16")
            recording.write(samples)
            end = start + len(samples) / 16000
            part = {"audio": "all.flac", "start": start, "end": end}
            start = end
            dialect = {"dialect": ("east", "west")[number % 2], "language": "nb"}
            lines.append(json.dumps(entry | part | dialect))
    (folder / "parts.jsonl").write_text("\n".join(lines), "utf-8")
    return folder / "parts.jsonl"


def test_model_and_servers_write_the_same_on_the_same_parts(
    demos: RunningServer, cut: Path
) -> None:
    openai = f"{demos.address}/v1?model=demo-nb&format_text=false"
    ended = compare("demo-nb", demos.address, openai, "--manifest", cut, "--json")
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert [item["name"] for item in found["systems"]] == ["demo-nb", demos.address, openai]
    assert [item["kind"] for item in found["systems"]] == ["model", "server", "server"]
    words = sum(len(text.split()) for text in sample_texts())
    assert (found["utterances"], found["words"]) == (3, words)
    for system in found["systems"]:
        assert system["wer"] < 0.2
        assert system["refused"] == []
        assert system["real_time_factor"] > 0
    for difference in found["differences"]:
        assert difference["wer"] == difference["cer"] == 0
        assert difference["utterances"]["equal"] == 3
    assert [part["name"] for part in found["by_dialect"]] == ["east", "west"]


def test_what_the_baseline_writes_and_another_model_does_not(demos: RunningServer) -> None:
    danish = f"{demos.address}?model=demo-da"
    ended = compare(DEMO, danish, "--manifest", SAMPLES)
    assert ended.returncode == 0, ended.stderr
    assert f"- B: {danish}" in ended.stdout
    assert "## B against A" in ended.stdout
    assert "A writes and B does not: " in ended.stdout
    assert "which may be chance" not in ended.stdout


def test_punctuation_of_formatted_text_is_no_error(demos: RunningServer) -> None:
    ended = compare(
        f"{demos.address}/v1?model=demo-nb", demos.address, "--manifest", SAMPLES, "--json"
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["differences"][0]["wer"] == 0


def test_server_with_several_models_needs_the_name_of_one(demos: RunningServer) -> None:
    ended = compare(DEMO, f"{demos.address}/v1", "--manifest", SAMPLES)
    assert ended.returncode == 1
    assert "name a model, as in …/v1?model=NAME; the server has: demo-nb, demo-da" in ended.stderr


def test_key_of_each_server_comes_from_its_variable(guarded: RunningServer) -> None:
    ours, openai = guarded.address, f"{guarded.address}/v1"
    systems = (f"{ours}?model=tiny-nb", f"{openai}?model=tiny-nb&format_text=false")
    data = ("--manifest", SAMPLES, "--limit", "1", "--json")
    refused = compare(*systems, *data)
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) <= 2
    keys = ("--key", f"{ours}=FIRST", "--key", f"{openai}=SECOND")
    ended = compare(*systems, *data, *keys, FIRST=KEY, SECOND="key-0")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["differences"][0]["cer"] == 0


def test_address_without_our_routes_is_refused_with_advice(demos: RunningServer) -> None:
    ended = compare(DEMO, f"{demos.address}/other", "--manifest", SAMPLES)
    assert ended.returncode == 1
    assert "Their addresses end in /v1" in ended.stderr
