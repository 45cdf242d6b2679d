"""Every benchmark runs on a small model and ends with its line of JSON."""

import json
from pathlib import Path

import pytest
import torch
from postgresql import postgresql
from torch.utils.flop_counter import FlopCounterMode
from transformers import Wav2Vec2ForCTC

from app.acoustic.config import read_config
from bench import (
    alignment,
    costs,
    everyday,
    fairness,
    jobs,
    languages,
    latency,
    load,
    memory,
    names,
    segmentation,
    server,
    startup,
    streaming,
    windows,
    words,
)

pytestmark = pytest.mark.long

MODELS = Path(__file__).resolve().parents[3] / "models"


def run(benchmark, arguments: str, capsys: pytest.CaptureFixture[str]) -> dict:
    """Its result; everything before the last line is for people."""
    benchmark.main(arguments.split())
    *shown, last = capsys.readouterr().out.splitlines()
    assert shown
    return json.loads(last)


def test_server_is_compared_with_encoder_and_plain_pipeline(capsys) -> None:
    result = run(
        server,
        "--shape demo --seconds 1 --requests 4 --concurrency 2 --rounds 1 --plain float32",
        capsys,
    )
    for key in ("server", "encoder", "plain"):
        assert result[f"{key}_audio_s_per_s"] > 0
    assert result["server_over_encoder"] == pytest.approx(
        result["server_audio_s_per_s"] / result["encoder_audio_s_per_s"], rel=0.01
    )
    assert result["holds"] == (result["server_over_encoder"] >= 0.9)


def test_latency_is_compared_with_the_encoder(capsys) -> None:
    result = run(latency, "--shape demo --seconds 1 --rounds 2", capsys)
    assert 0 < result["encode_s"] < result["http_s"]
    assert result["http_over_encoder"] > 0


def test_fairness_counts_clips_answered_while_a_long_file_ran(capsys) -> None:
    result = run(fairness, "--shape demo --seconds 1 --long-seconds 240 --clips 1", capsys)
    assert result["limit_s"] == pytest.approx(2 * result["idle_s"] + result["batch_s"], abs=1e-4)
    assert result["busy_s"] > 0


def test_load_is_offered_in_an_open_loop_and_goodput_compared(capsys) -> None:
    arguments = "--seconds 1 --step-seconds 2 --factors 1,4 --burst 20 --requests 50"
    result = run(load, arguments, capsys)
    assert result["capacity_audio_s_per_s"] > 0
    by_factor = result["goodput_by_factor"]
    assert result["goodput_at_4x_share"] == pytest.approx(by_factor["4"] / by_factor["1"], abs=0.01)
    assert result["p95_s_at_4x"] > 0
    assert result["retry_after_error_factor"] >= 1
    assert result["requests"] >= 50
    assert result["unexpected_statuses"] == []


def test_memory_is_counted_above_the_loaded_model(capsys) -> None:
    result = run(memory, "--shape demo --minutes 2", capsys)
    assert result["duration_s"] == 120
    assert result["peak_mb"] >= result["loaded_mb"] > 0
    above = result["peak_mb"] - result["loaded_mb"]
    assert result["above_loaded_mb"] == pytest.approx(above, abs=0.2)
    assert result["holds"] == (above < 80)


def test_live_words_are_timed_and_streams_counted(capsys) -> None:
    arguments = "--utterances 1 --most 1 --round-seconds 2 --talk-seconds 4 --chunk-ms 100"
    result = run(streaming, arguments, capsys)
    assert result["utterances"] == 1
    assert result["words"] > 5
    assert -0.5 < result["word_latency_median_s"] <= result["word_latency_p95_s"]
    assert result["final_equals_offline"] in {0, 1}
    assert result["streams_in_real_time"] in {0, 1}
    assert result["core_share_over_rebuffered"] == pytest.approx(
        result["core_share"] / result["rebuffered_core_share"], rel=0.01
    )


@pytest.mark.pyctcdecode
def test_our_decoder_is_compared_with_pyctcdecode(capsys) -> None:
    from bench import decoder

    result = run(decoder, "--rounds 1 --beam-width 20 --join 2", capsys)
    assert result["ratio"] == pytest.approx(
        result["ours_audio_s_per_s"] / result["pyctcdecode_audio_s_per_s"], rel=0.01
    )
    assert 0 <= result["ours_wer"] <= result["pyctcdecode_wer"] < 1


def test_startup_is_compared_with_reading_the_weights(capsys) -> None:
    result = run(startup, "--shapes demo --runs 1", capsys)
    assert result["demo_ready_s"] > result["demo_read_s"] > 0


def test_windows_are_compared_with_one_pass(capsys) -> None:
    result = run(windows, "--seconds 25 --shape demo --dtypes float32 --sizes 20/2,60/2", capsys)
    noise = result["rows"][-1]
    assert noise["windows"] > 1
    assert 0 <= noise["frames_differing"] < 0.5
    one_window = [row for row in result["rows"] if row["window"] == 60]
    assert all(row["distance"] == 0 for row in one_window)


def test_pieces_of_long_recordings_are_compared_with_aligned_lines(capsys) -> None:
    result = run(segmentation, "--sentences 8 --kinds numbers,edited", capsys)
    assert list(result["kinds"]) == ["numbers", "edited"]
    for found in result["kinds"].values():
        assert found["words"] > 0
        assert 0.5 < found["right"] <= 1
        assert found["kept"] >= result["kept"]
    assert result["holds"] == (result["right"] >= 0.99 and result["kept"] >= 0.95)


@pytest.mark.pyctcdecode
def test_word_times_are_compared_with_known_ones(capsys) -> None:
    result = run(alignment, "--utterances 6", capsys)
    assert result["words"] > 0
    for peer in ("pyctcdecode", "transformers"):
        assert result[f"ours_over_{peer}"] == pytest.approx(
            result["mean_error_s"] / result[f"{peer}_mean_error_s"], abs=1e-3
        )
    assert 0 < result["mean_error_s"] <= result["p95_error_s"]


@pytest.mark.postgresql
def test_costs_of_jobs_are_counted(capsys) -> None:
    with postgresql() as server:
        # Few jobs would be lost in what the service does when idle, just after its start above all.
        arguments = "--jobs 16 --seconds 2 --long-seconds 600 --idle-seconds 6 --database-url "
        result = run(jobs, arguments + server.url, capsys)
    assert result["transactions"] > 3
    assert result["idle_transactions_per_s"] > 1
    assert result["kept_bytes_per_audio_s"] > 0
    # Words with their times, as JSON.
    assert 1 < result["result_bytes_per_audio_s"] < 10_000


@pytest.mark.ray
@pytest.mark.timeout(900)
def test_replicas_and_archive_are_compared_with_one_process(capsys) -> None:
    from bench import scale

    arguments = (
        "--step-seconds 2 --clips 3 --long-files 1 --check-seconds 5 --check-rounds 1 "
        "--archive-files 3"
    )
    result = run(scale, arguments, capsys)
    for name in ("single", "one_replica", "two_replicas", "archive", "encoder"):
        assert result[f"{name}_audio_s_per_s"] > 0
    assert result["archive_share_of_encoder"] == pytest.approx(
        result["archive_audio_s_per_s"] / result["encoder_audio_s_per_s"], rel=0.01
    )
    assert result["second_replica_ready_s"] > 0
    assert {"hop_ms", "long_hop_share", "simulation_error", "simulation_p95_error"} <= set(result)


def test_scores_of_unknown_words_are_compared(capsys) -> None:
    result = run(words, f"--models {MODELS / 'demo-nb'} --sentences 2 --rounds 1", capsys)
    found = result["models"]["demo-nb"]
    assert found["compounds_unknown"] > 0
    assert found["unk_character_weight"] > 0
    for name in ("compounds", "everyday"):
        for kind in ("flat", "characters"):
            assert 0 <= found[f"{name}_{kind}_wer"] <= 1.5
            assert 0 <= found[f"{name}_{kind}_unknown_found"] <= 1


def test_probabilities_of_names_are_compared(capsys) -> None:
    options = f"--models {MODELS / 'demo-nb'} --sentences 2 --probabilities 0.0001"
    without, given = run(names, options, capsys)["models"]["demo-nb"]
    assert (without["probability"], given["probability"]) == (0, 0.0001)
    for split in ("valid", "test"):
        assert 0 <= without[f"{split}_found"] <= given[f"{split}_found"] <= 1
        assert 0 <= given[f"{split}_everyday_wer"] <= 1.5


def test_models_are_compared_by_time_and_multiply_adds(capsys) -> None:
    demos = [str(MODELS / name) for name in ("demo-nb", "demo-da")]
    result = run(costs, f"{' '.join(demos)} --seconds 1 --rounds 1", capsys)
    first, second = (result["models"][name] for name in demos)
    assert first["seconds_per_second"] > 0
    assert first["over_first"] == 1
    assert first["multiply_adds_per_second"] == second["multiply_adds_per_second"]


def test_multiply_adds_are_those_that_torch_counts() -> None:
    config = read_config(MODELS / "demo-nb")
    model = Wav2Vec2ForCTC.from_pretrained(MODELS / "demo-nb", attn_implementation="eager")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.float()(torch.zeros(1, 16_000))
    # transformers computes one frame of positions more, and drops it: their kernel is even.
    dropped = config.hidden_size**2 // config.pos_conv_groups * config.pos_conv_kernel
    assert 2 * (costs.multiply_adds(config, 16_000) + dropped) == counter.get_total_flops()


def test_everyday_sentences_are_decoded_at_each_rate(capsys) -> None:
    arguments = f"--models {MODELS / 'demo-nb'} --sentences 4 --rates 1,1.2"
    found = run(everyday, arguments, capsys)["models"]["demo-nb"]
    for decoder in ("greedy", "beam", "beam_lm"):
        assert len(found[f"{decoder}_by_rate"]) == 2
        assert 0 <= found[f"{decoder}_wer"] <= 1
    assert found["beam_lm_wer"] < found["greedy_wer"]


def test_languages_are_detected_and_counted(capsys) -> None:
    result = run(languages, "--sentences 6 --cost-seconds 10", capsys)
    assert {sum(row.values()) for row in result["confusion"].values()} == {6}
    assert {sum(row.values()) for row in result["confusion_joined"].values()} == {1}
    assert result["confusion_joined"]["da"] == {"da": 1, "nb": 0, "nn": 0}
    assert result["accuracy"] > 0.5
    assert set(result["each_share"]) == {"da-nb", "da-nn", "nb-nn"}
    assert result["each_share"]["da-nb"] > 0.7
    assert set(result["cost"]) == {"10"}
