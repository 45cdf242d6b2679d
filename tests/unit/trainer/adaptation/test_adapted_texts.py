"""Sentences and names of an organisation, as the model writes them."""

from pathlib import Path

import pytest

from trainer.adaptation.sentences import find_documents, read_names, read_sentences
from trainer.errors import LanguageModelError


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, "utf-8")
    return path


def test_small_letters_without_capitals_are_a_sentence_a_line(tmp_path: Path) -> None:
    file = written(tmp_path, "corpus.txt", "det er en god dag\nvi ses igjen i morgen\n")
    assert read_sentences([file], "nb").lines == ("det er en god dag", "vi ses igjen i morgen")


def test_numbers_and_abbreviations_are_written_out_and_counted(tmp_path: Path) -> None:
    text = "Rådet brukte 25 % mer. Se § 3 i sak 2023/1745-X om vann. Rådet brukte 25 % mer.\n"
    written(tmp_path, "a.txt", text)
    read = read_sentences([tmp_path], "nb")
    assert read.lines == (
        "rådet brukte tjuefem prosent mer", "se paragraf tre i sak", "om vann",
    )  # fmt: skip
    assert read.rules["per cent"] == 2
    assert read.dropped == {"number of unknown form": 1, "repeated": 1}
    assert read.documents == {str(tmp_path / "a.txt"): 3}
    assert read.words == 12


def test_names_are_spelled_as_the_model_writes_them(tmp_path: Path) -> None:
    file = written(tmp_path, "names.txt", "# styret\nÅse-Marie Müller\n\nOslo  # by\nДом\nOslo\n")
    names = read_names(file, "nb")
    assert names.spelled == ("åse marie muller", "oslo")
    assert names.dropped == ("Дом",)
    with pytest.raises(LanguageModelError, match="holds no name"):
        read_names(written(tmp_path, "none.txt", "# nothing\n"), "nb")


def test_places_without_documents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LanguageModelError, match="there is no"):
        find_documents([tmp_path / "missing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(LanguageModelError, match="holds no documents"):
        find_documents([tmp_path / "empty"])
