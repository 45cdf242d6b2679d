"""Our estimator and folders against KenLM's programs, run here."""

import random
from dataclasses import replace
from pathlib import Path

import kenlm
import pytest

from app.decoding import load_language_model
from trainer.language_model.arpa import read_arpa
from trainer.language_model.build import build, estimate_arpa
from trainer.language_model.tools import build_tools, find_tool, run_tool
from trainer.recipe import LanguageModelRecipe

pytestmark = pytest.mark.lmplz


def made_up_lines(count: int) -> list[str]:
    """Lines in which words are as unevenly frequent as in a language, from 5,000 words."""
    draw = random.Random(11)
    lines = []
    for _ in range(count):
        word = draw.randrange(5000)
        line = [word]
        for _ in range(draw.randrange(14)):
            # What follows depends on the word before, so that long n-grams come again.
            near = (word * 7 + draw.randrange(3)) % 5000
            far = min(int(draw.paretovariate(0.8)) - 1, 4999)
            word = near if draw.random() < 0.6 else far
            line.append(word)
        lines.append(" ".join(f"o{number}" for number in line))
    return lines


@pytest.fixture(scope="module")
def lmplz() -> Path:
    found = find_tool("lmplz")
    assert found, "lmplz is missing; run: python -m trainer kenlm"
    return found


@pytest.mark.parametrize(
    ("order", "prune", "vocabulary"),
    [
        (1, (0,), 0),
        (2, (0, 0), 0),
        (3, (0, 0, 0), 0),
        (3, (0, 0, 1), 0),
        (3, (1, 1, 1), 0),
        (4, (0, 1, 2, 3), 0),
        (5, (0, 0, 0, 0, 0), 0),
        (3, (0, 1, 1), 1000),
    ],
)
def test_both_estimators_give_the_same_model(  # noqa: PLR0917 - fixtures and parameters
    lmplz: Path,
    numbers: LanguageModelRecipe,
    tmp_path: Path,
    order: int,
    prune: tuple[int, ...],
    vocabulary: int,
) -> None:
    lines = made_up_lines(20_000)
    recipe = replace(numbers, order=order, prune=prune, max_unigrams=vocabulary)
    tables = []
    for program in (None, lmplz):
        estimate_arpa(lines, recipe, tmp_path / "model.arpa", lmplz=program)
        tables.append({text: rest for text, *rest in read_arpa(tmp_path / "model.arpa")})
    ours, theirs = tables
    assert ours.keys() == theirs.keys()
    wrong = {
        text: (ours[text], theirs[text])
        for text in theirs
        if max(abs(a - b) for a, b in zip(ours[text], theirs[text], strict=True)) > 3e-6
    }
    assert not wrong


def test_binary_scores_equal_arpa_scores(
    corpus: tuple[str, ...], numbers: LanguageModelRecipe, reference: Path, tmp_path: Path
) -> None:
    built = build(corpus, numbers, tmp_path / "language_model")
    assert set(built.sizes) == {"3gram.bin", "attrs.json", "unigrams.txt"}
    assert built.sizes["3gram.bin"] < (reference / "3gram.arpa").stat().st_size / 2
    model = load_language_model(built.folder).model
    exact = kenlm.Model(str(reference / "3gram.arpa"))
    for sentence in corpus[:20]:
        # Quantised to 8 bits: near, not equal.
        assert model.score(sentence) == pytest.approx(exact.score(sentence), rel=0.02)


@pytest.mark.timeout(900)
def test_kenlm_tools_are_built_from_source(tmp_path: Path) -> None:
    lines: list[str] = []
    tools = build_tools(tmp_path, notify=lines.append)
    assert [tool.name for tool in tools] == ["build_binary", "lmplz"], lines
    text = tmp_path / "text"
    text.write_text("vi ser en båt\nvi ser en hest\n", "utf-8")
    command = [tools[1], "-o", "2", "--discount_fallback", "-S", "100M", "-T", tmp_path / "sort"]
    run_tool([*command, "--text", text, "--arpa", tmp_path / "two.arpa"])
    run_tool([tools[0], "trie", tmp_path / "two.arpa", tmp_path / "two.bin"])
    assert kenlm.Model(str(tmp_path / "two.bin")).order == 2
