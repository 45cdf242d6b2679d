"""Models exported for other runtimes, each loaded by its own and compared with the service."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import make_model
from demo_model import DEMO
from typer.testing import CliRunner

from app.acoustic import load_checkpoint
from trainer.cli import app
from trainer.errors import DataError
from trainer.export import export_folder, export_model
from trainer.model import TOKENS, collapse

HEAD = {"vocab_size": len(TOKENS), "pad_token_id": TOKENS.index("[PAD]")}


def noise(*shape: int, seed: int = 1) -> np.ndarray:
    """Samples with an offset and a level that a model without normalisation would take amiss."""
    return (np.random.default_rng(seed).standard_normal(shape) * 0.02 + 0.1).astype(np.float32)


def checkpoint(folder: Path, shape: str = "xls-r", seed: int = 0, **changes: Any) -> Path:
    export_model(make_model(shape, seed, **HEAD, **changes), folder)
    return folder


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


@pytest.mark.long
def test_onnx_model_has_the_emissions_of_the_service_at_any_length(tmp_path: Path) -> None:
    import onnxruntime

    source = checkpoint(tmp_path / "source", "base")
    export_folder(source, tmp_path / "onnx", to="onnx")
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "model.onnx")
    model = load_checkpoint(source)
    for waves in (noise(1, 4000), noise(3, 24_321)):
        [found] = session.run(["log_probs"], {"waveforms": waves})
        for row, expected in zip(found, model.emissions(list(waves)), strict=True):
            np.testing.assert_allclose(row, expected, atol=2e-4)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["tokens"]) == list(TOKENS)
    assert TOKENS[int(metadata["blank"])] == "[PAD]"
    assert (metadata["sample_rate"], metadata["frame_samples"]) == ("16000", "320")


@pytest.mark.long
def test_sherpa_onnx_reads_what_the_service_reads_without_special_tokens(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    model = make_model("xls-r", 4, **HEAD)
    # Of this model's letters, two that are frequent become special tokens.
    pairs = [(TOKENS.index("f"), TOKENS.index("[UNK]")), (TOKENS.index("y"), TOKENS.index("<s>"))]
    for one, other in pairs:
        for weight in (model.lm_head.weight.data, model.lm_head.bias.data):
            weight[[one, other]] = weight[[other, one]]
    export_model(model, source)
    (source / "README.md").write_text("# A model\n")
    command = ["export", str(source), str(out), "--to", "sherpa-onnx", "--json"]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["files"].keys() == {"model.onnx", "tokens.txt", "README.md"}
    wave = noise(32_000)
    [emissions] = load_checkpoint(source).emissions([wave])
    path = emissions.argmax(-1).tolist()
    assert {special for _, special in pairs} <= set(path)
    expected = collapse(path)
    assert len(expected.split()) > 2
    assert sherpa_text(out, wave) == expected


def sherpa_text(folder: Path, wave: np.ndarray) -> str:
    import sherpa_onnx

    recognizer = sherpa_onnx.OfflineRecognizer.from_omnilingual_asr_ctc(
        model=str(folder / "model.onnx"), tokens=str(folder / "tokens.txt")
    )
    stream = recognizer.create_stream()
    stream.accept_waveform(16000, wave)
    recognizer.decode_stream(stream)
    return " ".join(stream.result.text.split())


@pytest.mark.long
def test_ctranslate2_model_has_the_emissions_of_the_service(tmp_path: Path) -> None:
    import ctranslate2
    from transformers import Wav2Vec2FeatureExtractor

    positional = {"num_conv_pos_embeddings": 128, "num_conv_pos_embedding_groups": 16}
    source = checkpoint(tmp_path / "source", **positional)
    export_folder(source, tmp_path / "out", to="ctranslate2")
    runtime = ctranslate2.models.Wav2Vec2(str(tmp_path / "out"), compute_type="float32")
    features = Wav2Vec2FeatureExtractor.from_pretrained(tmp_path / "out")
    waves = list(noise(2, 16_000))
    inputs = features(waves, sampling_rate=16000, return_tensors="np").input_values
    view = ctranslate2.StorageView.from_array(inputs[:, None].astype(np.float32))
    found = log_softmax(np.asarray(runtime.encode(view, to_cpu=True)))
    expected = load_checkpoint(source).emissions(waves)
    np.testing.assert_allclose(found, np.stack(expected), atol=2e-3)
    assert json.loads((tmp_path / "out" / "vocabulary.json").read_text("utf-8")) == list(TOKENS)


def test_models_that_a_runtime_cannot_compute_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"num_conv_pos_embeddings must be 128, and is 64.*conv_st"):
        export_folder(DEMO, tmp_path / "out", to="ctranslate2")
    coarse = checkpoint(tmp_path / "coarse", conv_stride=(5, 2, 2, 2, 2, 2, 4))
    with pytest.raises(DataError, match="frames of 40 ms"):
        export_folder(coarse, tmp_path / "out", to="sherpa-onnx")
    plain = checkpoint(tmp_path / "plain")
    features = json.loads((plain / "preprocessor_config.json").read_text("utf-8"))
    (plain / "preprocessor_config.json").write_text(json.dumps(features | {"do_normalize": False}))
    with pytest.raises(DataError, match="not normalised"):
        export_folder(plain, tmp_path / "out", to="sherpa-onnx")
    assert not any((tmp_path / "out").iterdir())


def test_layout_of_another_runtime_is_refused(tmp_path: Path) -> None:
    command = ["export", str(DEMO), str(tmp_path / "out"), "--to", "onnx", "--layout", "2022"]
    answer = CliRunner().invoke(app, command)
    assert isinstance(answer.exception, DataError)
    assert not (tmp_path / "out").exists()
