"""int8 is used only where it was measured, on the operator's speech, to cost next to nothing."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from checkpoints import write_checkpoint
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from app.acoustic import layer_seconds, load_checkpoint
from app.cli import models
from app.decoding import GreedyDecoder
from app.errors import ConfigurationError, TooLargeError
from app.quantisation import MAX_COST, Record, check_speed, measure, read_manifest, require, save

GOOD = Record("m", 10, 100, "bfloat16", 8.0, 8.0 + MAX_COST, 40.0, 60.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def manifest(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise, whose references are the fp32 texts of the model itself."""
    here = tmp_path_factory.mktemp("speech")
    model = load_checkpoint(folder)
    decoder = GreedyDecoder(model.vocabulary)
    lines = []
    for seed in range(4):
        waveform = np.random.default_rng(seed).uniform(-0.5, 0.5, 24_000).astype(np.float32)
        soundfile.write(here / f"{seed}.wav", waveform, 16_000, subtype="FLOAT")
        (emissions,) = model.emissions([waveform])
        text = decoder.decode(emissions, frame_seconds=0.02, duration=1.5).text
        lines.append(json.dumps({"audio": f"{seed}.wav", "text": text}))
    (here / "manifest.jsonl").write_text("\n".join(lines))
    return here / "manifest.jsonl"


def test_both_precisions_are_measured_on_the_same_speech(folder, manifest):
    record = measure("m", folder, manifest, dtype="float32")
    assert record.utterances == 4
    assert record.words >= 4
    assert record.baseline_dtype == "float32"
    assert record.baseline_wer == 0
    assert record.int8_wer > 0
    assert record.baseline_speed > 0
    assert record.int8_speed > 0


def test_model_with_too_high_an_int8_wer_is_refused_with_the_figures(folder, manifest, tmp_path):
    spoilt = Path(shutil.copytree(folder, tmp_path / "spoilt"))
    weights = load_file(spoilt / "model.safetensors")
    for name, weight in weights.items():
        if name.endswith("intermediate_dense.weight"):
            # One huge weight, of an input that is always zero, takes the whole int8 range of
            # its row from the others.
            weight[:, 0] = 3_000
        if ".layers." in name and ".final_layer_norm." in name:
            weight[0] = 0
    save_file(weights, spoilt / "model.safetensors")
    model = load_checkpoint(spoilt)
    decoder = GreedyDecoder(model.vocabulary)
    lines = []
    for line in manifest.read_text().splitlines():
        audio = manifest.parent / json.loads(line)["audio"]
        waveform, _ = soundfile.read(audio, dtype="float32")
        (emissions,) = model.emissions([waveform])
        text = decoder.decode(emissions, frame_seconds=0.02, duration=1.5).text
        lines.append(json.dumps({"audio": str(audio), "text": text}))
    own = tmp_path / "own.jsonl"
    own.write_text("\n".join(lines))
    record = measure("m", spoilt, own, dtype="float32")
    assert record.cost > MAX_COST
    with pytest.raises(ConfigurationError, match="points of WER"):
        save(record, tmp_path)
    with pytest.raises(ConfigurationError, match="was not measured"):
        require("m", tmp_path)


@pytest.mark.parametrize(
    ("seconds", "dtype", "message"),
    [
        ({"float32": 0.04, "int8": 3.8}, "float32", r"cannot make m faster .* 3\.8e\+03 ms"),
        ({"auto": 0.01, "float32": 0.04, "int8": 0.02}, "auto", r"20 ms .* 10 ms .* \(auto\)"),
        (
            {"bfloat16": 2.0, "float32": 0.04, "int8": 0.02},
            "bfloat16",
            "bfloat16 is slower than float32 .* NORDLYD_DTYPE=float32",
        ),
    ],
)
def test_int8_that_is_slower_on_this_cpu_is_refused_before_reading_the_model(
    tmp_path, monkeypatch, seconds, dtype, message
):
    monkeypatch.setattr("app.quantisation.layer_seconds", lambda *_: seconds)
    with pytest.raises(ConfigurationError, match=message):
        check_speed("m", tmp_path, dtype)


def test_command_refuses_slow_int8_before_reading_the_manifest(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "app.quantisation.layer_seconds", lambda *_: {"auto": 0.04, "float32": 0.04, "int8": 3.8}
    )
    arguments = ["int8", str(folder), "--manifest", str(tmp_path / "nowhere.jsonl")]
    refused = CliRunner().invoke(models.app, arguments)
    assert isinstance(refused.exception, ConfigurationError)
    assert "on this CPU" in refused.exception.message


@pytest.mark.parametrize("as_json", [True, False])
def test_command_reports_the_figures_and_allows_the_model(tmp_path, monkeypatch, as_json):
    """The figures are given, since those that are measured differ from run to run."""
    folder = tmp_path / "tiny"
    write_checkpoint(folder)
    monkeypatch.setenv("NORDLYD_STORE", str(tmp_path / "store"))
    monkeypatch.setattr("app.quantisation.check_speed", lambda *_: None)
    monkeypatch.setattr("app.quantisation.measure", lambda model, *_: replace(GOOD, model=model))
    arguments = ["int8", str(folder), "--manifest", "speech.jsonl", *["--json"] * as_json]
    shown = CliRunner().invoke(models.app, arguments)
    assert shown.exit_code == 0
    if as_json:
        figures = json.loads(shown.stdout)
        assert (figures["model"], figures["cost"], figures["int8_speed"]) == ("tiny", MAX_COST, 60)
    else:
        first, *rows, last = shown.stdout.splitlines()
        assert first == "10 utterances, 100 words"
        assert [row.split()[::2] for row in rows] == [
            ["bfloat16", "8.00", "40", "real"],
            ["int8", "8.20", "60", "real"],
        ]
        assert "NORDLYD_INT8_MODELS=tiny" in last
    require("tiny", tmp_path / "store")


def test_int8_that_is_faster_passes_the_speed_check(tmp_path, monkeypatch):
    figures = {"float32": 0.04, "int8": 0.02}
    monkeypatch.setattr("app.quantisation.layer_seconds", lambda *_: figures)
    check_speed("m", tmp_path, "float32")


def test_one_layer_is_timed_in_each_precision_without_reading_weights(folder, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare)
    (bare / "model.safetensors").unlink()
    seconds = layer_seconds(bare, ["float32", "int8"])
    assert set(seconds) == {"float32", "int8"}
    assert all(0 < value < float("inf") for value in seconds.values())


def test_model_with_a_saved_record_is_allowed(tmp_path):
    with pytest.raises(ConfigurationError, match="nordlyd models int8 m --manifest"):
        require("m", tmp_path)
    save(GOOD, tmp_path)
    require("m", tmp_path)


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        (replace(GOOD, int8_wer=8.21), "costs m 0.21 points"),
        (replace(GOOD, int8_speed=40.0), "no faster"),
    ],
)
def test_records_above_the_wer_limit_or_without_speedup_are_refused(tmp_path, spoilt, message):
    with pytest.raises(ConfigurationError, match=message):
        save(spoilt, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "lists no speech"),
        ("no json", "line 1: expected"),
        ('{"audio": "a.wav"}', "line 1: expected"),
        ('{"audio": "a.wav", "text": "hei", "start": 2, "end": 1}', "line 1: expected"),
        ("[1]", "line 1: expected"),
        ('\n{"audio": "gone.wav", "text": "hei"}', "line 2: there is no file"),
    ],
)
def test_invalid_manifest_is_refused_with_its_line(tmp_path, content, message):
    (tmp_path / "m.jsonl").write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        read_manifest(tmp_path / "m.jsonl")


def test_manifest_may_name_parts_of_a_long_recording(tmp_path):
    seconds = np.repeat(np.arange(200) / 1000, 16_000).astype(np.float32)
    soundfile.write(tmp_path / "long.wav", seconds, 16_000, subtype="FLOAT")
    line = {"audio": "long.wav", "text": "hei", "start": 150.0, "end": 152.0}
    (tmp_path / "m.jsonl").write_text(json.dumps(line))
    ((waveform, _),) = read_manifest(tmp_path / "m.jsonl")
    assert len(waveform) == 32_000
    np.testing.assert_allclose(waveform[[0, -1]], [0.15, 0.151])
    (tmp_path / "m.jsonl").write_text(json.dumps(line | {"start": 0.0}))
    with pytest.raises(TooLargeError):
        read_manifest(tmp_path / "m.jsonl")


def test_missing_manifest_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere\.jsonl cannot be read"):
        read_manifest(tmp_path / "nowhere.jsonl")
