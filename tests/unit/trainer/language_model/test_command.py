"""The commands `lm` and `tune` on the bundled demo model and its samples."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from demo_model import DEMO, sample_texts, write_demo_with_language_model

from app.audio import AudioLimits, decode_audio
from app.decoding import load_language_model
from trainer.cli import main
from trainer.data.store import Pcm, Utterance, write_split
from trainer.recipe import RECIPES


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`demo-nb` that takes its text from the training split and tries two points."""
    file = tmp_path_factory.mktemp("recipe") / "small.toml"
    head, mark, tail = (RECIPES / "demo-nb.toml").read_text("utf-8").partition("[language_model]")
    changed = {"sources": '["transcripts"]', "alphas": "[0.3, 0.6]", "betas": "[1.0]"}
    lines = [
        f"{key} = {changed[key]}" if (key := line.split(" ")[0]) in changed else line
        for line in tail.partition("[language_model.mixture]")[0].splitlines()
    ]
    file.write_text(head + mark + "\n".join(lines), "utf-8")
    return file


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples of the demo to validate on, in which a good model makes few errors."""
    return write_data(tmp_path_factory.mktemp("data"), noise=(0.0,))


@pytest.fixture(scope="module")
def noisy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in so much noise that any model needs help."""
    return write_data(tmp_path_factory.mktemp("noisy"), noise=(0.01, 0.02))


def write_data(folder: Path, *, noise: Sequence[float]) -> Path:
    """Writes a data folder: the samples in noise, and their words in threes to train on."""
    samples = list(zip(sorted(DEMO.glob("samples/*.flac")), sample_texts(), strict=True))
    draw = np.random.default_rng(1)
    spoken = []
    for level in noise:
        for file, text in samples:
            recording = decode_audio(file, limits=AudioLimits(60.0))
            clean = recording.slice(0, recording.samples)
            mixed = np.clip(clean + draw.normal(0, level, len(clean)), -1, 1)
            spoken.append(utterance(text, (mixed * 32767).astype(np.int16)))
    write_split(folder, "valid", spoken)
    write_split(folder, "test", spoken[:1])
    words = [word for _, text in samples for word in text.split()]
    threes = [" ".join(words[start : start + 3]) for start in range(0, len(words), 2)]
    silence = np.zeros(1600, np.int16)
    write_split(folder, "train", [utterance(text, silence) for text in threes])
    return folder


def utterance(text: str, samples: Pcm) -> tuple[Utterance, Pcm]:
    return Utterance(text, 0, len(samples), "nb", 150, 50, (0.0,) * len(text.split())), samples


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["trainer", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert isinstance(stopped.value.code, int | None)
    return stopped.value.code or 0


def test_language_model_is_built_tuned_and_copied_into_the_checkpoint(
    recipe: Path,
    noisy_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = tmp_path / "made" / "language_model"
    saved = tmp_path / "text.txt"
    lm = ("lm", recipe, "--data", noisy_data, "--output", made, "--save-text", saved)
    assert run(monkeypatch, *lm) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == json.loads(made.with_suffix(".json").read_text("utf-8"))
    assert facts["lines"] == len(saved.read_text("utf-8").splitlines()) > 3
    model = write_demo_with_language_model(tmp_path / "demo")
    (model / "alphabet.json").unlink(missing_ok=True)
    tune = ("tune", model, "--data", noisy_data, "--recipe", recipe, "--language-model", made)
    assert run(monkeypatch, *tune, "--cache", tmp_path / "cache", "--json", "--processes", 1) == 0
    tuning = json.loads(capsys.readouterr().out)
    assert tuning["beam_lm"]["wer"] < tuning["greedy"]["wer"]
    loaded = load_language_model(model / "language_model")
    assert (loaded.order, loaded.alpha) == (3, tuning["alpha"])
    # What stock transformers decodes by.
    assert json.loads((model / "alphabet.json").read_text("ascii"))["labels"][0] == " "
    kept = json.loads((model / "language_model.json").read_text("utf-8"))
    assert (kept["tuning"], kept["lines"]) == (tuning, facts["lines"])
    assert (model / "language_model.png").read_bytes().startswith(b"\x89PNG")


def test_unhelpful_model_ends_with_status_1(
    recipe: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = tmp_path / "other.txt"
    text.write_text("helt andre ord\nord helt andre\n", "utf-8")
    other = tmp_path / "other.toml"
    other.write_text(
        recipe.read_text("utf-8").replace('["transcripts"]', json.dumps([str(text)])), "utf-8"
    )
    made = tmp_path / "made" / "language_model"
    assert run(monkeypatch, "lm", other, "--data", data, "--output", made) == 0
    model = write_demo_with_language_model(tmp_path / "demo")
    kept = ("language_model/attrs.json", "language_model.json")
    before = [(model / name).read_bytes() for name in kept]
    tune = ("tune", model, "--data", data, "--recipe", other, "--language-model", made)
    assert run(monkeypatch, *tune, "--cache", tmp_path / "cache", "--processes", 1) == 1
    assert "does not help" in capsys.readouterr().err
    assert [(model / name).read_bytes() for name in kept] == before


def test_missing_language_model_error_names_build_command(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "tune", tmp_path, "--data", data) == 1
    assert "python -m trainer lm" in capsys.readouterr().err


def test_own_texts_and_names_make_a_named_language_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_demo_with_language_model(tmp_path / "demo")
    minutes = tmp_path / "minutes.txt"
    places = ("strandholmen", "elvegata", "bruneset", "fjellbyen")
    minutes.write_text("".join(f"Vi vedtar planen for {place}.\n" * 2 for place in places), "utf-8")
    (tmp_path / "names.txt").write_text("Sundhaug\n", "utf-8")
    own = ("lm", model, "--text", minutes, "--names", tmp_path / "names.txt", "--name", "council")
    assert run(monkeypatch, *own) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["name"], facts["texts"]["sentences"], facts["names"]["used"]) == ("council", 4, 1)
    known = load_language_model(model / "language_models" / "council").unigrams
    assert known is not None
    assert {"sundhaug", "planen", "bakgrunn"} <= known


def test_options_of_recipes_and_of_own_texts_are_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "lm", DEMO, "--text", tmp_path, "--output", tmp_path / "lm") == 1
    assert "accepted with them: --name and --language" in capsys.readouterr().err
    assert run(monkeypatch, "lm", "demo-nb", "--data", tmp_path) == 1
    assert "a recipe needs --data and --output" in capsys.readouterr().err
