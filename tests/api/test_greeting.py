"""The lines that `nordlyd serve` prints once it is ready."""

import shlex
from pathlib import Path

import pytest

from app.catalogue import Catalogue
from app.cli.serve import curl_line, find_sample, greet
from app.settings import Settings

REPOSITORY = Path(__file__).parents[2]


def test_bundled_models_print_a_command_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    lines = greet(Settings(), "http://127.0.0.1:8000").splitlines()
    assert lines[0].startswith("Nordlyd is ready at http://127.0.0.1:8000 with demo-")
    assert "Open http://127.0.0.1:8000/ in a browser" in lines[1]
    words = shlex.split(lines[-1])
    assert words[0] == "curl"
    assert words[-1] == "http://127.0.0.1:8000/transcribe"
    sample = words[2].removeprefix("file=@")
    assert not Path(sample).is_absolute()
    assert (REPOSITORY / sample).stat().st_size > 10_000
    assert words[4].removeprefix("language=") in {"da", "nb", "nn"}


def test_command_to_try_is_absolute_elsewhere_and_names_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a model"
    (folder / "samples").mkdir(parents=True)
    (folder / "model.toml").write_text('id = "a-model"\n')
    (folder / "samples" / "b.flac").touch()
    (folder / "samples" / "a.jsonl").touch()
    sample = find_sample(folder)
    assert sample is not None
    card = Catalogue.load(Settings().catalogue).resolve(str(folder)).card
    words = shlex.split(curl_line("http://h:1", card, sample, needs_key=True))
    assert "file=@a model/samples/b.flac" in words
    assert "model=a-model" in words
    assert words[words.index("-H") + 1].startswith("Authorization: Bearer")
    assert "k" not in words


def test_model_without_samples_prints_no_command(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text('id = "bare"\n')
    settings = Settings(models=[str(tmp_path)])
    assert greet(settings, "http://h:1") == "Nordlyd is ready at http://h:1 with bare."
