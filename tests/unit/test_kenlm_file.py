"""Language models whose file is damaged are refused with the reason, without a crash."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.decoding import load_language_model
from app.errors import ConfigurationError
from app.kenlm_file import checksum_file, find_model, try_in_child, write_checksum

DATA = Path(__file__).resolve().parents[1] / "data" / "kenlm"
WORDS = ["det", "er", "en", "god", "dag"]


@pytest.fixture(params=["probing", "trie", "quantised-array"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "language_model"
    folder.mkdir()
    return Path(shutil.copy(DATA / f"{request.param}.bin", folder / "4gram.bin"))


def test_checksum_file_has_the_format_of_sha256sum(model: Path) -> None:
    kept = write_checksum(model)
    assert kept == model.parent.with_name("language_model.sha256")
    subprocess.run(["sha256sum", "--check", kept.name], cwd=kept.parent, check=True)
    assert load_language_model(model.parent).order == 4


def test_checksum_detects_every_damage(model: Path) -> None:
    write_checksum(model)
    whole = model.read_bytes()
    choice = random.Random(0)
    for _ in range(40):
        changed = bytearray(whole)
        changed[choice.randrange(len(changed))] ^= 1 << choice.randrange(8)
        kept = choice.choice((len(changed), choice.randrange(len(changed))))
        model.write_bytes(changed[:kept])
        with pytest.raises(ConfigurationError, match="damaged or was replaced") as caught:
            load_language_model(model.parent)
        assert str(model) in caught.value.message
        assert str(checksum_file(model)) in caught.value.message


def test_checksum_of_another_file_is_ignored(model: Path) -> None:
    checksum_file(model).write_text("0" * 64 + "  language_model/3gram.bin\n")
    assert load_language_model(model.parent).order == 4


def test_loaded_model_keeps_its_scores_after_its_file_is_truncated(model: Path) -> None:
    loaded = load_language_model(model.parent)
    assert loaded.ngrams is not None
    before = loaded.ngrams.scores(WORDS), loaded.model.score(" ".join(WORDS))
    with model.open("r+b") as file:
        file.truncate(100)
    after = loaded.ngrams.scores(WORDS), loaded.model.score(" ".join(WORDS))
    assert np.array_equal(before[0], after[0])
    assert before[1] == after[1]


def test_crash_of_kenlm_on_an_unknown_file_is_confined_to_a_child_process(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KenLM crashes on some damaged files; this one crashes on any."""
    try_in_child(model, WORDS)
    (tmp_path / "deadly").mkdir()
    (tmp_path / "deadly" / "kenlm.py").write_text("import os\nos.kill(os.getpid(), 11)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "deadly"))
    with pytest.raises(ConfigurationError, match="KenLM died") as caught:
        try_in_child(model, WORDS)
    assert "SIGSEGV" in caught.value.message


def test_file_that_kenlm_refuses_is_refused_with_its_reason(model: Path) -> None:
    model.write_bytes(b"no model at all")
    with pytest.raises(ConfigurationError, match=r"is no KenLM model: .*no model at all"):
        try_in_child(model, WORDS)


def test_damaged_files_without_a_checksum_do_not_crash_the_process(model: Path) -> None:
    """In a process of its own, which must survive: our reader accepts or refuses the file."""
    script = f"""
import random, sys
from pathlib import Path
from app.decoding import load_language_model
from app.errors import ConfigurationError
model = Path({str(model)!r})
whole, choice, refused = model.read_bytes(), random.Random(1), 0
for _ in range(200):
    changed = bytearray(whole)
    for _ in range(choice.randint(1, 30)):
        changed[choice.randrange(len(changed))] = choice.randrange(256)
    model.write_bytes(changed[: choice.choice((len(changed), choice.randrange(len(changed))))])
    try:
        loaded = load_language_model(model.parent)
        loaded.ngrams.scores({WORDS!r})
    except ConfigurationError:
        refused += 1
print(refused)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(done.stdout) > 100


def test_folder_must_contain_exactly_one_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="found: none"):
        find_model(tmp_path)
