"""The folder that `lm` writes, read by the service, pyctcdecode and transformers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.decoding import load_language_model
from trainer.errors import LanguageModelError
from trainer.language_model.build import build
from trainer.recipe import LanguageModelRecipe


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without KenLM's programs, and without a compiler."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)


@pytest.mark.usefixtures("no_tools")
def test_build_without_kenlm_makes_a_model_the_service_loads(
    corpus: tuple[str, ...], numbers: LanguageModelRecipe, tmp_path: Path
) -> None:
    lines: list[str] = []
    built = build(corpus, numbers, tmp_path / "model/language_model", notify=lines.append)
    assert built.estimator == "numpy"
    assert set(built.sizes) == {"3gram.arpa", "attrs.json", "unigrams.txt"}
    assert any("five times as large" in line and "trainer kenlm" in line for line in lines)
    loaded = load_language_model(built.folder)
    assert (loaded.order, loaded.alpha, loaded.beta) == (3, 0.5, 1.5)
    assert loaded.unigrams == {word for line in corpus for word in line.split()}
    assert built.ngrams == (len(loaded.unigrams) + 3, 705, 1217)


@pytest.mark.pyctcdecode
@pytest.mark.usefixtures("no_tools")
def test_pyctcdecode_loads_the_folder(
    corpus: tuple[str, ...], numbers: LanguageModelRecipe, tmp_path: Path
) -> None:
    from pyctcdecode.language_model import LanguageModel as PyctcdecodeModel

    built = build(corpus, numbers, tmp_path / "language_model")
    # Strict about its files: exactly three, with exactly its attributes.
    assert PyctcdecodeModel.load_from_dir(str(built.folder)).order == 3


def test_rebuilt_model_replaces_the_old_one_which_is_kept(
    corpus: tuple[str, ...], numbers: LanguageModelRecipe, tmp_path: Path
) -> None:
    folder = tmp_path / "language_model"
    build(corpus, numbers, folder)
    attributes = json.loads((folder / "attrs.json").read_text())
    (folder / "attrs.json").write_text(json.dumps(attributes | {"alpha": 0.9}))
    build(corpus[:50], replace(numbers, order=2, prune=(0, 0)), folder)
    loaded = load_language_model(folder)
    assert (loaded.order, loaded.alpha) == (2, 0.5)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "former_language_models", "language_model", "language_model.sha256",
    ]  # fmt: skip
    former = load_language_model(tmp_path / "former_language_models" / "language_model-1")
    assert (former.order, former.alpha) == (3, 0.9)
    build(corpus[:60], numbers, folder)
    assert load_language_model(tmp_path / "former_language_models" / "language_model-2").order == 2


def test_folder_with_foreign_files_is_left_unchanged(
    corpus: tuple[str, ...], numbers: LanguageModelRecipe, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(LanguageModelError, match=r"holds config\.json; name a folder of its own"):
        build(corpus, numbers, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_only_the_most_frequent_words_are_kept(
    corpus: tuple[str, ...], numbers: LanguageModelRecipe, tmp_path: Path
) -> None:
    built = build(corpus, replace(numbers, max_unigrams=20), tmp_path / "language_model")
    known = load_language_model(built.folder).unigrams
    assert known is not None
    assert len(known) == 20
    assert {"vi", "ser"} < known
    assert "kveldsskyer" not in known


def test_no_text_is_refused_and_writes_nothing(
    numbers: LanguageModelRecipe, tmp_path: Path
) -> None:
    with pytest.raises(LanguageModelError, match="no text"):
        build([], numbers, tmp_path / "language_model")
    assert list(tmp_path.iterdir()) == []


def test_longer_ngrams_than_kenlm_reads_are_refused(
    corpus: tuple[str, ...], numbers: LanguageModelRecipe, tmp_path: Path
) -> None:
    with pytest.raises(LanguageModelError, match="at most 6 words, not 7"):
        build(corpus, replace(numbers, order=7, prune=(0,) * 7), tmp_path / "language_model")


@pytest.mark.usefixtures("no_tools")
def test_missing_lmplz_error_explains_installation(
    corpus: tuple[str, ...], numbers: LanguageModelRecipe, tmp_path: Path
) -> None:
    with pytest.raises(LanguageModelError, match="python -m trainer kenlm"):
        build(corpus, numbers, tmp_path / "language_model", estimator="lmplz")
