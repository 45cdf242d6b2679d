"""`nordlyd bench encoder` and `make gpu-check`: what they measure, leave out and print."""

import importlib.util
import json
import os
import subprocess
import sys
import time

import pytest

from bench import encoder, gpu_check
from bench.machine import cpu_name
from bench.peers import Comparison, Spec

SECONDS = {
    "ours_s",
    "transformers_s",
    "transformers_fp32_s",
    "onnxruntime_s",
    "onnxruntime_int8_s",
    "openvino_s",
    "ctranslate2_int8_s",
    "matmul_s",
}


def run(benchmark, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict:
    benchmark.main(arguments)
    *shown, last = capsys.readouterr().out.splitlines()
    assert any(cpu_name() in line for line in shown)
    return json.loads(last)


@pytest.mark.timeout(300)
@pytest.mark.long
def test_encoder_alone_is_null_where_no_peer_ran(capsys) -> None:
    arguments = [
        "--shape",
        "demo",
        "--dtype",
        "fp32",
        "--seconds",
        "1",
        "--rounds",
        "1",
        "--kernels",
        "torch",
        "--peers",
    ]
    result = run(encoder, [*arguments, ""], capsys)
    assert result["cpu"] == cpu_name()
    assert result["kernels"] == "torch"
    assert result["dtype"] == "float32"
    assert {key for key in SECONDS if result[key]} == {"ours_s", "matmul_s"}
    assert set(result) >= SECONDS
    assert result["ours_over_transformers"] is None


@pytest.mark.long
@pytest.mark.timeout(900)
def test_every_peer_that_is_installed_computes_the_same_model(capsys) -> None:
    arguments = ["--shape", "demo", "--dtype", "fp32", "--seconds", "1", "--rounds", "1"]
    result = run(encoder, arguments, capsys)
    assert result["ours_over_transformers"] == pytest.approx(
        result["ours_s"] / result["transformers_s"], rel=0.01
    )
    assert result["transformers_s"] <= result["transformers_fp32_s"]
    exports = all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript"))
    for package, key in [("onnxruntime", "onnxruntime_s"), ("openvino", "openvino_s")]:
        there = exports and importlib.util.find_spec(package) is not None
        assert (result[key] is not None) == there
        assert any(name.startswith(package) for name in result["left_out"]) or there
    for name in ("ours", "onnxruntime", "openvino fp32"):
        assert result["differs"].get(name, 0.0) < 1e-3
    assert all(distance < 0.1 for distance in result["differs"].values())


@pytest.mark.timeout(300)
@pytest.mark.long
def test_candidate_that_takes_too_long_or_cannot_be_built_is_left_out_with_a_line() -> None:
    lines: list[str] = []
    spec = Spec("transformers", "demo", "fp32", "cpu", 1)
    broken = Spec("onnxruntime", "demo", "fp32", "cpu", 1, file="/nowhere/model.onnx")
    with Comparison(lines.append, deadline=time.monotonic() + 240) as comparison:
        assert comparison.add("stock", spec)
        assert not comparison.add("broken", broken)
        answer = comparison.once("stock", [16_000], limit=200)
        assert answer is not None
        assert answer["seconds"] > 0
        assert comparison.once("stock", [16_000 * 600], limit=0.05) is None
        assert not comparison.candidates
    assert len(lines) == 2
    assert lines[0].startswith("broken is left out: ")
    assert lines[1].startswith("stock is left out: it takes more than")
    assert set(comparison.dropped) == {"broken", "stock"}


def test_unknown_peer_is_reported_by_name(capsys) -> None:
    with pytest.raises(SystemExit):
        encoder.main(["--peers", "whisper"])
    assert "unknown peer whisper" in capsys.readouterr().err


@pytest.mark.long
def test_gpu_check_without_a_card_is_one_line_and_a_status() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.gpu_check"],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "torch finds no CUDA device" in line


def test_gpu_check_names_every_step_for_which_there_was_no_time(capsys) -> None:
    result = run(gpu_check, ["--device", "cpu", "--shapes", "demo", "--limit", "0"], capsys)
    assert set(result["left_out"]) == {"tests", "encoder", "server", "compiled"}
    assert result["encoder"] == []
    assert result["server"] is None


@pytest.mark.long
@pytest.mark.timeout(900)
def test_gpu_check_joins_what_its_steps_found(capsys) -> None:
    arguments = "--device cpu --shapes demo --batches 1 --seconds 1 --rounds 1"
    result = run(gpu_check, [*arguments.split(), "--steps", "encoder,server"], capsys)
    one, mixed = result["encoder"]
    assert one["audio_s"] == 1
    assert one["batch"] == "1 x 1 s"
    assert mixed["batch"] == "16 of many lengths"
    for row in (one, mixed):
        assert row["ours_over_best"] == pytest.approx(
            row["ours_s"] / row["transformers_s"], rel=0.01
        )
    assert result["server"]["benchmark"] == "server"
    assert result["server"]["server_audio_s_per_s"] > 0
