"""A trained model in, folders out that stock transformers and the service load alike."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor, AutoTokenizer
from typer.testing import CliRunner

from app.acoustic import load_checkpoint
from trainer.cli import app, main
from trainer.errors import DataError
from trainer.evaluation.error_rates import evaluate, manifest_speech
from trainer.export import export_model, load_stock
from trainer.model import TOKENS, random_model
from trainer.recipe import Recipe


@pytest.fixture(params=["today", "2022"])
def exported(request: pytest.FixtureRequest, recipe: Recipe, tmp_path: Path) -> Path:
    model = random_model(recipe.model, recipe.training, seed=1)
    export_model(model, tmp_path / "model", layout=request.param)
    return tmp_path / "model"


def test_an_export_gives_equal_logits_in_stock_transformers(exported: Path, recipe: Recipe) -> None:
    model = random_model(recipe.model, recipe.training, seed=1).eval()
    loaded = load_stock(exported)
    waves = torch.randn(1, 8000)
    for one, other in zip(model.state_dict().values(), loaded.state_dict().values(), strict=True):
        assert torch.equal(one.half(), other.half())
    model.load_state_dict(loaded.state_dict())
    with torch.inference_mode():
        assert torch.equal(model(waves).logits, loaded(waves).logits)


def test_an_export_has_the_emissions_of_transformers_in_the_service(exported: Path) -> None:
    wave = np.random.default_rng(1).standard_normal(8000).astype(np.float32)
    features = AutoFeatureExtractor.from_pretrained(exported)
    inputs = features(wave, sampling_rate=16000, return_tensors="pt")
    with torch.inference_mode():
        expected = load_stock(exported)(**inputs).logits.log_softmax(-1)[0].numpy()
    model = load_checkpoint(exported)
    assert model.vocabulary.tokens == TOKENS
    assert model.vocabulary.blank == TOKENS.index("[PAD]")
    np.testing.assert_allclose(model.emissions([wave])[0], expected, atol=1e-4)


def test_the_tokenizer_of_an_export_reads_and_writes_text(exported: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(exported, additional_special_tokens=[])
    indexes = tokenizer("hej på dig").input_ids
    assert indexes == [TOKENS.index("|" if letter == " " else letter) for letter in "hej på dig"]
    assert tokenizer.decode(indexes, group_tokens=False) == "hej på dig"
    assert len(tokenizer) == len(TOKENS)


def test_the_2022_layout_has_the_files_of_the_published_checkpoints(
    recipe: Recipe, tmp_path: Path
) -> None:
    export_model(random_model(recipe.model, recipe.training, seed=1), tmp_path, layout="2022")
    names = {path.name for path in tmp_path.iterdir()}
    assert {"pytorch_model.bin", "added_tokens.json", "special_tokens_map.json"} <= names
    weights = torch.load(tmp_path / "pytorch_model.bin", weights_only=True)
    assert "wav2vec2.encoder.pos_conv_embed.conv.weight_g" in weights


def test_samples_can_be_evaluated_from_the_command_line(
    exported: Path, data: Path, tmp_path: Path
) -> None:
    runner = CliRunner()
    samples = tmp_path / "samples"
    assert runner.invoke(app, ["samples", str(data), str(samples)]).exit_code == 0
    answers = [
        runner.invoke(app, ["evaluate", str(exported), *source, "--json"])
        for source in (["--data", str(data)], ["--manifest", str(samples / "samples.jsonl")])
    ]
    whole, part = (json.loads(answer.stdout) for answer in answers)
    assert whole["utterances"] == 2
    assert part["utterances"] == 1
    assert 3 <= part["seconds"] <= 8 < whole["seconds"] + 5
    assert whole["greedy_wer"] > 0.5
    assert whole["greedy_cer"] > 0.5


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not json", "line 1 is no"),
        ('{"text": "hei"}', "line 1 is no"),
        ('{"audio": "missing.wav", "text": "hei"}', "line 1: .*missing.wav"),
        ("", "nothing to evaluate"),
    ],
)
def test_a_manifest_that_cannot_be_evaluated_names_the_line(
    recipe: Recipe, tmp_path: Path, line: str, message: str
) -> None:
    export_model(random_model(recipe.model, recipe.training, seed=1), tmp_path)
    (tmp_path / "manifest.jsonl").write_text(line)
    with pytest.raises(DataError, match=message):
        evaluate(tmp_path, manifest_speech(tmp_path / "manifest.jsonl"))


def test_a_missing_thing_ends_the_command_with_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("")
    for arguments in (
        ["export", str(tmp_path), str(tmp_path / "out")],
        ["evaluate", str(tmp_path)],
        ["evaluate", str(tmp_path / "no-model"), "--manifest", str(manifest)],
        ["train", "demo-xx", "--data", str(tmp_path), "--output", str(tmp_path)],
    ):
        monkeypatch.setattr("sys.argv", ["trainer", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 1
        assert "Traceback" not in capsys.readouterr().err
