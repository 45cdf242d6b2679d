"""Exported folders, which stock transformers and the service load alike."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from checkpoints import make_model, write_checkpoint
from demo_model import DEMO, tiny_shape
from transformers import (
    AutoProcessor,
    AutoTokenizer,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
    Wav2Vec2ProcessorWithLM,
    pipeline,
)
from typer.testing import CliRunner

from app.acoustic import load_checkpoint
from app.catalogue import Catalogue
from app.decoding import BeamDecoder, DecodingOptions, load_language_model
from app.decoding.calibration import load_calibration
from trainer.cli import app, main
from trainer.errors import DataError
from trainer.export import export_folder, export_model, load_stock
from trainer.model import TOKENS, collapse, random_model

NORWEGIAN = ("|", *"abcdefghijklmnopqrstuvwxyzàäåæçéèêòóôöøü", "[UNK]", "[PAD]", "<s>", "</s>")


def demo_model() -> Wav2Vec2ForCTC:
    return random_model(tiny_shape(), seed=1).eval()


MODELS: dict[str, Callable[[], Wav2Vec2ForCTC]] = {
    "demo": demo_model,
    "xls-r": lambda: make_model("xls-r"),
    "base": lambda: make_model("base"),
}


@pytest.fixture(params=[(name, layout) for name in MODELS for layout in ("today", "2022")])
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Wav2Vec2ForCTC, Path]:
    name, layout = request.param
    model = MODELS[name]()
    export_model(model, tmp_path / "model", layout=layout)
    return model, tmp_path / "model"


def wave(seed: int = 1, samples: int = 8000) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32) * 0.1


def stock_logits(folder: Path, sound: np.ndarray) -> torch.Tensor:
    processor = Wav2Vec2Processor.from_pretrained(folder, additional_special_tokens=[])
    inputs = processor(sound, sampling_rate=16000, return_tensors="pt")
    with torch.inference_mode():
        return load_stock(folder)(**inputs).logits


def test_exported_model_has_equal_logits_in_transformers(
    exported: tuple[Wav2Vec2ForCTC, Path],
) -> None:
    model, folder = exported
    loaded = load_stock(folder)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight.half(), loaded.state_dict()[name].half()), name
    model.load_state_dict({key: value.half().float() for key, value in model.state_dict().items()})
    processor = AutoProcessor.from_pretrained(folder, additional_special_tokens=[])
    inputs = processor(wave(), sampling_rate=16000, return_tensors="pt")
    with torch.inference_mode():
        assert torch.equal(model(**inputs).logits, loaded(**inputs).logits)


def test_exported_model_has_the_emissions_of_transformers_in_the_service(
    exported: tuple[Wav2Vec2ForCTC, Path],
) -> None:
    _, folder = exported
    expected = stock_logits(folder, wave()).log_softmax(-1)[0].numpy()
    model = load_checkpoint(folder)
    assert model.vocabulary.tokens == TOKENS
    assert model.vocabulary.blank == TOKENS.index("[PAD]")
    np.testing.assert_allclose(model.emissions([wave()])[0], expected, atol=1e-4)


def test_exported_tokenizer_encodes_and_decodes_text(
    exported: tuple[Wav2Vec2ForCTC, Path],
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(exported[1], additional_special_tokens=[])
    indexes = tokenizer("hej på dig").input_ids
    assert indexes == [TOKENS.index("|" if letter == " " else letter) for letter in "hej på dig"]
    assert tokenizer.decode(indexes, group_tokens=False) == "hej på dig"
    assert len(tokenizer) == len(TOKENS)


def test_layout_of_2022_has_the_files_of_the_published_checkpoints(tmp_path: Path) -> None:
    export_model(demo_model(), tmp_path, layout="2022")
    names = {path.name for path in tmp_path.iterdir()}
    assert {"pytorch_model.bin", "added_tokens.json", "special_tokens_map.json"} <= names
    assert "processor_config.json" not in names
    weights = torch.load(tmp_path / "pytorch_model.bin", weights_only=True)
    assert "wav2vec2.encoder.pos_conv_embed.conv.weight_g" in weights
    assert {weight.dtype for weight in weights.values()} == {torch.float16}


@pytest.mark.parametrize("shape", ["xls-r", "base", "mms"])
def test_layouts_convert_into_each_other_and_back(shape: str, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "source", shape, layout="today")
    export_folder(tmp_path / "source", tmp_path / "old", layout="2022")
    export_folder(tmp_path / "old", tmp_path / "new", layout="today")
    export_folder(tmp_path / "new", tmp_path / "again", layout="2022")
    for name in ("vocab.json", "tokenizer_config.json", "added_tokens.json", "config.json"):
        assert (tmp_path / "old" / name).read_text() == (tmp_path / "again" / name).read_text()
    assert torch.equal(
        stock_logits(tmp_path / "old", wave()), stock_logits(tmp_path / "new", wave())
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run as the training leaves it: weights, configuration and tokens of three checkpoints."""
    run = tmp_path / "run"
    for step, seed in ((500, 1), (1000, 2), (1500, 3)):
        model = make_model("base", seed)
        model.lm_head = torch.nn.Linear(64, len(NORWEGIAN))
        with torch.no_grad():
            model.lm_head.weight.normal_()
        model.config.update({"vocab_size": len(NORWEGIAN)})
        model.config.update({"pad_token_id": NORWEGIAN.index("[PAD]")})
        folder = run / f"checkpoint-{step}"
        model.save_pretrained(folder)
        index = {token: place for place, token in enumerate(NORWEGIAN)}
        (folder / "vocab.json").write_text(json.dumps(index), "utf-8")
    return run


@pytest.mark.parametrize("layout", ["today", "2022"])
def test_last_checkpoints_of_a_run_are_averaged_with_its_vocabulary(
    run: Path, tmp_path: Path, layout: str
) -> None:
    out = tmp_path / "out"
    answer = CliRunner().invoke(
        app, ["export", str(run), str(out), "--average", "2", "--layout", layout]
    )
    assert answer.exit_code == 0, answer.output
    earlier, later, mean = (
        load_stock(folder).state_dict()
        for folder in (run / "checkpoint-1000", run / "checkpoint-1500", out)
    )
    for name, weight in mean.items():
        expected = (earlier[name] + later[name]) / 2
        torch.testing.assert_close(weight, expected, atol=2e-3, rtol=1e-3)
    assert load_checkpoint(out).vocabulary.tokens == NORWEGIAN
    tokenizer = AutoTokenizer.from_pretrained(out, additional_special_tokens=[])
    assert tokenizer.decode(tokenizer("éin før").input_ids, group_tokens=False) == "éin før"
    expected = stock_logits(out, wave()).log_softmax(-1)[0].numpy()
    np.testing.assert_allclose(load_checkpoint(out).emissions([wave()])[0], expected, atol=1e-4)


def test_run_folder_selects_its_export_or_its_last_checkpoint(run: Path, tmp_path: Path) -> None:
    assert export_folder(run, tmp_path / "a").weights == [run / "checkpoint-1500"]
    export_model(demo_model(), run / "export")
    assert export_folder(run, tmp_path / "b").weights == [run / "export"]
    assert load_checkpoint(tmp_path / "b").vocabulary.tokens == TOKENS


@pytest.mark.parametrize("layout", ["today", "2022"])
def test_export_has_the_language_model(model_with_lm: Path, tmp_path: Path, layout: str) -> None:
    export_folder(model_with_lm, tmp_path / "out", layout=layout)
    model = load_checkpoint(tmp_path / "out")
    language_model = load_language_model(tmp_path / "out" / "language_model")
    decoder = BeamDecoder(model.vocabulary, DecodingOptions(beam_width=4), language_model)
    assert decoder.decode(model.emissions([wave()])[0], frame_seconds=0.02, duration=1.0).text == (
        decoder.decode(
            load_checkpoint(model_with_lm).emissions([wave()])[0], frame_seconds=0.02, duration=1.0
        ).text
    )


@pytest.mark.parametrize("layout", ["today", "2022"])
def test_exported_demo_serves_its_language_with_its_card_and_calibration(
    tmp_path: Path, layout: str
) -> None:
    out = tmp_path / "elsewhere"
    answer = CliRunner().invoke(app, ["export", str(DEMO), str(out), "--layout", layout, "--json"])
    assert answer.exit_code == 0, answer.output
    summary = json.loads(answer.stdout)
    resolved = Catalogue({}, tmp_path).resolve(str(out))
    assert (resolved.id, resolved.card.languages) == ("demo-nb", ("nb", "no"))
    assert load_calibration([out]) == load_calibration([DEMO]) != load_calibration([])
    assert (out / "README.md").read_bytes() == (DEMO / "README.md").read_bytes()
    assert (out / "samples" / "sample-1.flac").is_file()
    assert {"README.md", "model.toml", "calibration.json"} <= set(summary["companions"])
    written = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert summary["files"].keys() == written


def test_average_has_no_card_of_other_weights(run: Path, tmp_path: Path) -> None:
    (run / "checkpoint-1500" / "README.md").write_text("# One\n")
    assert export_folder(run, tmp_path / "one").companions == ["README.md"]
    assert export_folder(run, tmp_path / "mean", average=2).companions == []
    assert not (tmp_path / "mean" / "README.md").exists()


def test_folder_in_todays_layout_with_a_language_model_loads_without_pyctcdecode(
    model_with_lm: Path, tmp_path: Path
) -> None:
    export_folder(model_with_lm, tmp_path / "out")
    processor = AutoProcessor.from_pretrained(tmp_path / "out")
    assert type(processor) is Wav2Vec2Processor
    labels = json.loads((tmp_path / "out" / "alphabet.json").read_text("ascii"))["labels"]
    assert len(labels) == len(TOKENS)


@pytest.mark.pyctcdecode
@pytest.mark.parametrize("layout", ["today", "2022"])
def test_transformers_decodes_with_the_language_model(
    model_with_lm: Path, tmp_path: Path, layout: str
) -> None:
    out = tmp_path / "out"
    export_folder(model_with_lm, out, layout=layout)
    processor = Wav2Vec2ProcessorWithLM.from_pretrained(out)
    assert processor.language_model.order == 2
    automatic = AutoProcessor.from_pretrained(out)
    assert isinstance(automatic, Wav2Vec2ProcessorWithLM) == (layout == "2022")
    wave, _ = soundfile.read(DEMO / "samples" / "sample-1.flac", dtype="float32")
    read = pipeline("automatic-speech-recognition", str(out))({"raw": wave, "sampling_rate": 16000})
    expected = processor.decode(stock_logits(out, wave)[0].numpy()).text
    greedy = collapse(stock_logits(out, wave)[0].argmax(-1).tolist())
    assert read["text"] == expected != greedy


def test_invalid_exports_are_refused(run: Path, tmp_path: Path) -> None:
    export_model(demo_model(), tmp_path / "one")
    with pytest.raises(DataError, match="3 checkpoints, 4 are required"):
        export_folder(run, tmp_path / "out", average=4)
    with pytest.raises(DataError, match="only those of a run"):
        export_folder(tmp_path / "one", tmp_path / "out", average=2)
    with pytest.raises(DataError, match="neither a run"):
        export_folder(tmp_path, tmp_path / "out")
    with pytest.raises(DataError, match="name another folder"):
        export_folder(tmp_path / "one", tmp_path / "one")
    with pytest.raises(DataError, match="34 outputs for 43 tokens"):
        export_model(demo_model(), tmp_path / "out", tokens=NORWEGIAN[:43])
    shutil.copytree(run / "checkpoint-500", run / "checkpoint-2000", dirs_exist_ok=True)
    write_checkpoint(run / "checkpoint-2000", "xls-r")
    with pytest.raises(DataError, match="checkpoint-2000 is a checkpoint of another model"):
        export_folder(run, tmp_path / "out", average=2)
    model = demo_model()
    with torch.no_grad():
        model.lm_head.weight[0, 0] = 1e6
    with pytest.raises(DataError, match=r"lm_head.weight .*fp16"):
        export_model(model, tmp_path / "out")


def test_folder_that_is_no_model_is_a_one_line_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["trainer", "export", str(tmp_path), str(tmp_path / "out")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert "Traceback" not in capsys.readouterr().err
