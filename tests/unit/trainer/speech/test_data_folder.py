"""Data folders of synthesised speech: the same bytes in every process, held-out splits."""

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from trainer.data.store import read_split
from trainer.errors import CorpusError
from trainer.recipe import RECIPES, Recipe, load_recipe
from trainer.speech.prepare import choose, prepare
from trainer.speech.samples import write_samples
from trainer.text.corpus import Corpus

WORDS = ("boka", "døra", "hylla", "jenta", "kua", "lampa", "visa", "øya", "hytta")
TEXT = "".join(f"Vi så ikke {a} eller {b} på {c}.\n\n" for a, b, c in product(WORDS, repeat=3))
SETTINGS = {
    "train_sentences": "24",
    "valid_sentences": "4",
    "test_sentences": "8",
    "number_share": "0.25",
    "room_share": "0.5",
    "valid_share": "0.1",
    "test_share": "0.1",
}

Make = Callable[[str], Path]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one Debian package that has one manual page."""
    root = tmp_path_factory.mktemp("root")
    page = root / "usr/share/man/nb/man1/ls.1.gz"
    page.parent.mkdir(parents=True)
    page.write_bytes(gzip.compress(TEXT.encode()))
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text(
        "Package: little\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x.no>\nDescription: x\n"
    )
    folder = tmp_path_factory.mktemp("packages")
    command = ["dpkg-deb", "--build", root, folder / "little_1_all.deb"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Make:
    """Makes a data folder from a small recipe, in a process of its own."""
    recipe = (RECIPES / "demo-nb.toml").read_text(encoding="utf-8")
    recipe = re.sub(r"packages = \[.*?\]", 'packages = ["little"]', recipe, flags=re.DOTALL)
    for name, value in SETTINGS.items():
        recipe = re.sub(rf"^{name} = \S+", f"{name} = {value}", recipe, flags=re.MULTILINE)
    folder = tmp_path_factory.mktemp("data")
    file = folder / "little.toml"
    file.write_text(recipe, encoding="utf-8")

    def run(name: str) -> Path:
        command = [sys.executable, "-m", "trainer", "synthesise", str(file)]
        options = ["--output", str(folder / name), "--packages", str(packages)]
        subprocess.run([*command, *options], check=True, capture_output=True)
        return folder / name

    return run


@pytest.fixture(scope="module")
def made(make: Make) -> Path:
    return make("one")


@pytest.fixture(scope="module")
def counts(made: Path) -> dict[str, Any]:
    return dict(json.loads((made / "counts.json").read_text(encoding="utf-8")))


@pytest.mark.long
def test_data_folder_is_reproducible_in_another_process(made: Path, make: Make) -> None:
    again = make("two")
    files = sorted(file.name for file in made.iterdir())
    assert files == sorted(file.name for file in again.iterdir())
    assert {"train.pcm", "test.jsonl", "counts.json"} <= set(files)
    for file in files:
        assert (made / file).read_bytes() == (again / file).read_bytes()


def test_splits_share_no_sentence_and_no_voice(made: Path) -> None:
    splits = [read_split(made, name).utterances for name in ("train", "valid", "test")]
    texts = [{item.text for item in split} for split in splits]
    voices = [{item.speaker for item in split} for split in splits]
    assert [len(split) for split in texts] == [24, 4, 8]
    for groups in (texts, voices):
        assert sum(map(len, groups)) == len(set().union(*groups))


def test_counts_equal_the_content_of_the_folder(made: Path, counts: dict[str, Any]) -> None:
    assert counts["packages"] == ["little_1_all"]
    assert counts["numbers"] == {"train": 6, "valid": 1, "test": 2}
    assert sum(counts["sentences"].values()) == len(WORDS) ** 3 + 9
    train = read_split(made, "train")
    assert counts["train"]["utterances"] == len(train.utterances) == 24
    assert counts["train"]["hours"] == pytest.approx(train.seconds / 3600, abs=0.01)
    done = [name for item in train.utterances for name in item.augmentation]
    rooms = counts["train"]["augmentation"]["room"]
    assert 0 < rooms == done.count("room") < 24
    numbers = [item for item in train.utterances if not item.text.startswith("vi så ikke")]
    assert len(numbers) == 6


def test_samples_have_several_voices_and_their_text(made: Path, tmp_path: Path) -> None:
    files = write_samples(read_split(made, "test"), tmp_path, count=2)
    lines = (tmp_path / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    listed = [json.loads(line) for line in lines]
    assert [item["audio"] for item in listed] == [file.name for file in files]
    assert len({item["speaker"] for item in listed}) == 2


def test_original_sentences_precede_translations_and_all_made_up_ones_are_included() -> None:
    corpus = Corpus(
        found={"train": ("a", "b", "c"), "valid": ()},
        translated=("d", "e"),
        numbers={"train": ("f",), "valid": ()},
        everyday=("g",),
        development=("h",),
        packages=(),
        dropped={},
        dropped_translations={},
    )
    drawn = choose(corpus, "train", 6, seed=1)
    assert {"a", "b", "c", "f", "g"} < set(drawn)
    assert len(drawn) == 6
    assert drawn == choose(corpus, "train", 6, seed=1)
    assert sorted(choose(corpus, "train", 9, seed=1)) == ["a", "b", "c", "d", "e", "f", "g"]
    assert corpus.sentences("valid") == ("h",)
    assert len({tuple(choose(corpus, "train", 9, seed=seed)) for seed in range(5)}) > 1
    with pytest.raises(CorpusError, match="no sentences for valid"):
        choose(corpus, "valid", 1, seed=1)


def test_recipe_of_recorded_speech_cannot_be_synthesised(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"recordings.*no \[synthesis\]"):
        prepare(load_recipe("wav2vec2-xlsr-1B-NPSC-NN"), tmp_path)
