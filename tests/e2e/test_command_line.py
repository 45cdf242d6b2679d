"""The command `nordlyd` as a process."""

import json
import subprocess
from pathlib import Path

import httpx
import pytest
from running import NORDLYD, environment


def nordlyd(
    *arguments: str | Path, settings: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NORDLYD, *arguments],
        env=environment(settings or {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def speech(tmp_path: Path, clip) -> Path:
    path = tmp_path / "speech.wav"
    path.write_bytes(clip())
    return path


@pytest.mark.long
def test_transcribe_prints_the_text_of_a_server(
    client: httpx.Client, tiny_settings: dict[str, str], speech: Path
) -> None:
    expected = client.post("/transcribe?language=da", content=speech.read_bytes()).json()
    text = nordlyd("transcribe", speech, "--language", "da", settings=tiny_settings)
    assert (text.returncode, text.stdout, text.stderr) == (0, expected["text"] + "\n", "")
    lines = nordlyd(
        "transcribe", speech, "--model", tiny_settings["MODELS"].split(",")[1],
        "--format", "json", settings=tiny_settings,
    )  # fmt: skip
    body = json.loads(lines.stdout)
    assert list(body) == list(expected)
    assert (body["words"], body["model"]) == (expected["words"], "tiny-da")


@pytest.mark.long
def test_bad_file_is_reported_and_the_others_continue(
    tiny_settings: dict[str, str], speech: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("not audio")
    ended = nordlyd("transcribe", bad, tmp_path / "none.wav", speech, settings=tiny_settings)
    assert ended.returncode == 1
    assert ended.stdout.startswith(f"{speech}: ")
    reported = ended.stderr.splitlines()
    assert [line.split(": ")[1] for line in reported] == [str(bad), str(tmp_path / "none.wav")]


@pytest.mark.long
def test_unknown_language_is_one_line(tiny_settings: dict[str, str], speech: Path) -> None:
    ended = nordlyd("transcribe", speech, "--language", "sv", settings=tiny_settings)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("nordlyd: no loaded model serves language 'sv'")
    assert ended.stderr.count("\n") == 1


@pytest.mark.long
def test_models_are_listed_and_shown() -> None:
    listed = nordlyd("models", "list")
    ids = [line.split("\t")[0] for line in listed.stdout.splitlines()]
    assert {"wav2vec2-xlsr-1B-NPSC-NN", "wav2vec2-large-danish-npsc-nst"} <= set(ids)
    assert [model["id"] for model in json.loads(nordlyd("models", "list", "--json").stdout)] == ids
    shown = nordlyd("models", "show", "NbAiLab/wav2vec2-large-danish-npsc-nst")
    assert "id: wav2vec2-large-danish-npsc-nst" in shown.stdout
    facts = json.loads(nordlyd("models", "show", ids[-1], "--json").stdout)
    assert facts["id"] == ids[-1]


def test_bench_lists_what_can_be_run() -> None:
    listed = nordlyd("bench").stdout.replace(",", "").split()
    assert {"encoder", "server", "latency"} <= set(listed)
    assert "shapes" not in listed


@pytest.mark.long
def test_unknown_names_are_one_line_and_a_failure(tmp_path: Path) -> None:
    for arguments, message in (
        (("models", "show", "no-such-model"), "the catalogue has"),
        (("models", "pull", "nobody/nothing"), "HF_HUB_OFFLINE"),
        (("bench", "no-such-benchmark"), "there is no benchmark 'no-such-benchmark'"),
    ):
        ended = nordlyd(*arguments, settings={"STORE": str(tmp_path)})
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("nordlyd: ")
        assert message in ended.stderr
        assert ended.stderr.count("\n") == 1


def test_version_imports_no_heavy_library() -> None:
    ended = subprocess.run(
        [NORDLYD.with_name("python"), "-X", "importtime", NORDLYD, "--version"],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.startswith("nordlyd 0.")
    imported = {line.rsplit("|", 1)[-1].strip() for line in ended.stderr.splitlines()}
    assert imported.isdisjoint({"torch", "numpy", "fastapi", "uvicorn", "huggingface_hub"})
