"""The text a language model is estimated from, and the sentences held out of it."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainer.data.store import Utterance, write_split
from trainer.errors import LanguageModelError
from trainer.language_model.corpus import HeldOut, clean, gather
from trainer.recipe import Recipe, load_recipe

SPOKEN = {
    "train": ("vi leser en bok om havet", "hun har en hest"),
    "valid": ("det er en stor båt",),
    "test": ("han går på tur", "nei"),
}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """`demo-nb`, whose text comes from one little package."""
    full = load_recipe("demo-nb")
    assert full.text
    return replace(full, text=replace(full.text, packages=("little",), translate_from=""))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which every sentence is a second of silence."""
    folder = tmp_path_factory.mktemp("data")
    silence = np.zeros(16000, np.int16)
    for split, sentences in SPOKEN.items():
        items = [
            (Utterance(text, 0, len(silence), "nb", 150, 50, (0.1,) * len(text.split())), silence)
            for text in sentences
        ]
        write_split(folder, split, items)
    return folder


def with_sources(recipe: Recipe, *sources: str) -> Recipe:
    assert recipe.language_model
    return replace(recipe, language_model=replace(recipe.language_model, sources=sources))


def write_package(folder: Path, text: str) -> None:
    """Builds a Debian package with one Bokmål page of help."""
    root = folder / "root"
    pages = root / "usr/share/help/nb/little"
    pages.mkdir(parents=True)
    (pages / "index.page").write_text(f"<page><p>{text}</p></page>", "utf-8")
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN" / "control").write_text(
        "Package: little\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x.no>\nDescription: x\n"
    )
    archive = folder / "little_1_all.deb"
    subprocess.run(["dpkg-deb", "--build", root, archive], check=True, capture_output=True)


def test_held_out_sentences_are_found_within_longer_lines() -> None:
    held_out = HeldOut(["Han går på tur.", "Nei!", "én båt til"])
    assert len(held_out) == 3
    assert held_out.within("han går på tur")
    assert held_out.within("i dag han går på tur med hunden")
    assert held_out.within("vi tar en båt til øya")
    assert not held_out.within("han går på turen")
    assert not held_out.within("vi så at han gikk på tur")
    # A word alone is a sentence of the test, but no reason to lose every line with it.
    assert held_out.within("nei")
    assert not held_out.within("nei takk sa han")


def test_every_line_is_cleaned_and_every_drop_is_counted() -> None:
    text = clean(
        ["Hva?", "hva", "Én, to – tre!", "  ", "日本 på kartet", "Han går på tur.", "12"],
        HeldOut(["han går på tur"]),
    )
    assert text.lines == ("hva", "en to tre")
    assert text.words == 4
    assert text.dropped == {
        "repeated": 1,
        "empty": 2,
        "foreign letters": 1,
        "evaluation sentence": 1,
    }


def test_transcripts_come_from_the_training_split(recipe: Recipe, data: Path) -> None:
    assert gather(with_sources(recipe, "transcripts"), data).lines == SPOKEN["train"]


def test_text_files_are_read_without_evaluation_sentences(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "news.txt"
    file.write_text("Det er en stor båt!\nHan går på tur hver dag.\nBåten er stor.\n", "utf-8")
    text = gather(with_sources(recipe, "transcripts", str(file)), data)
    assert text.lines == (*SPOKEN["train"], "båten er stor")
    assert text.dropped == {"evaluation sentence": 2}


def test_packages_give_running_text_and_sentences_to_synthesise(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    write_package(
        tmp_path,
        "Filen ligger i mappen din. Lagre som. Du ser 12 filer. %s er en fil. The end of it. "
        "Det er en stor båt. E-post fra Larvik.",
    )
    text = gather(with_sources(recipe, "sentences"), data, packages=tmp_path)
    assert set(text.lines) == {"filen ligger i mappen din", "lagre som", "e post fra larvik"}
    assert text.dropped["numbers and placeholders"] == 2
    assert text.dropped["another language"] == 1
    assert text.dropped["evaluation sentence"] >= 1


def test_unusable_sources_are_refused(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    with pytest.raises(LanguageModelError, match=r"news\.txt is no text file; a source is"):
        gather(with_sources(recipe, str(tmp_path / "news.txt")), data)
    with pytest.raises(LanguageModelError, match=r"has no \[language_model\]"):
        gather(replace(recipe, language_model=None), data)
    empty = tmp_path / "empty.txt"
    empty.touch()
    with pytest.raises(LanguageModelError, match="hold no text"):
        gather(with_sources(recipe, str(empty)), data)
