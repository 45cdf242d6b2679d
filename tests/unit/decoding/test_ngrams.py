"""Our reader of KenLM's files gives its very scores, and no damaged file crashes the process."""

import random
from pathlib import Path

import kenlm
import numpy as np
import pytest
from ngrams import SENTENCES

from app.decoding.native import Ngrams, load_library

DATA = Path(__file__).resolve().parents[2] / "data" / "kenlm"
FILES = sorted(path.name for path in DATA.iterdir() if path.suffix in {".arpa", ".bin"})
WORDS = sorted({word for sentence in SENTENCES for word in sentence.split()})


def opened(data: bytes) -> Ngrams:
    library = load_library()
    assert library is not None
    return Ngrams(library, np.frombuffer(data, dtype=np.uint8))


def sentences(count: int, seed: int = 0) -> list[list[str]]:
    """True sentences, their beginnings joined, and words at random, unknown ones among them."""
    choice = random.Random(seed)
    made = [sentence.split() for sentence in SENTENCES]
    for _ in range(count):
        left, right = choice.choice(SENTENCES).split(), choice.choice(SENTENCES).split()
        made.append(left[: choice.randint(0, 6)] + right[choice.randint(0, 4) :])
        made.append(choice.choices([*WORDS, "ukjent", "<unk>", "ø"], k=choice.randint(0, 9)))
    return made


def kenlm_scores(model: kenlm.Model, words: list[str], *, sentence: bool) -> list[float]:
    text = " ".join(words)
    return [score for score, _, _ in model.full_scores(text, bos=sentence, eos=sentence)]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("sentence", [True, False])
def test_scores_are_those_of_kenlm_bit_for_bit(name: str, sentence: bool) -> None:
    theirs = kenlm.Model(str(DATA / name))
    ours = opened((DATA / name).read_bytes())
    assert ours.order == theirs.order == 4
    for words in sentences(200):
        expected = np.array(kenlm_scores(theirs, words, sentence=sentence), dtype=np.float32)
        assert np.array_equal(ours.scores(words, sentence=sentence), expected), words


@pytest.mark.parametrize("name", FILES)
def test_known_words_are_those_of_kenlm(name: str) -> None:
    theirs = kenlm.Model(str(DATA / name))
    words = [*WORDS, "ukjent", "", "<s>", "</s>", "<unk>"]
    known = opened((DATA / name).read_bytes()).known(words)
    assert known.tolist() == [word in theirs for word in words]


def test_ngrams_whose_endings_are_left_out_score_as_in_kenlm(tmp_path: Path) -> None:
    """As pruning by SRILM leaves them: `b c`, `a b a` and `b d` are not there, longer ones are."""
    text = """
\\data\\
ngram 1=7
ngram 2=11
ngram 3=7
ngram 4=3

\\1-grams:
-1.5\t<unk>
-99\t<s>\t-0.4
-0.9\t</s>
-0.7\ta\t-0.3
-0.8\tb\t-0.2
-1.1\tc\t-0.1
-1.2\td

\\2-grams:
-0.31\ta b\t-0.11
-0.32\tb a\t-0.12
-0.33\t<s> a\t-0.13
-0.34\td a\t-0.14
-0.35\td b
-0.36\td d\t-0.16
-0.37\ta a
-0.38\ta d
-0.39\tb b
-0.41\tc a
-0.42\tc b

\\3-grams:
-0.21\ta b c\t-0.07
-0.22\tb a b\t-0.05
-0.23\t<s> a b
-0.24\td a b\t-0.04
-0.25\td d a
-0.26\ta a d
-0.27\tb b b

\\4-grams:
-0.11\t<s> a b c
-0.12\tb a b a
-0.13\td a b d

\\end\\
"""
    file = tmp_path / "pruned.arpa"
    file.write_text(text, encoding="utf-8")
    theirs, ours = kenlm.Model(str(file)), opened(file.read_bytes())
    choice = random.Random(1)
    for _ in range(2000):
        words = choice.choices("abcd", k=choice.randint(1, 8))
        expected = np.array(kenlm_scores(theirs, words, sentence=True), dtype=np.float32)
        assert np.allclose(ours.scores(words), expected, rtol=0, atol=1e-6), words


def damaged(data: bytes, choice: random.Random) -> bytes:
    """Truncated, or with bytes changed: anywhere, or in the header and the first tables."""
    changed = bytearray(data)
    kind = choice.randrange(3)
    if kind == 0:
        return bytes(changed[: choice.randrange(len(changed))])
    most = len(changed) if kind == 1 else min(len(changed), 400)
    for _ in range(choice.randint(1, 8)):
        changed[choice.randrange(most)] = choice.choice((0, 255, choice.randrange(256)))
    return bytes(changed)


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_refused_or_still_score(name: str) -> None:
    choice = random.Random(name)
    data = (DATA / name).read_bytes()
    refused = 0
    for _ in range(300):
        try:
            model = opened(damaged(data, choice))
        except ValueError:
            refused += 1
            continue
        for words in sentences(3):
            assert np.isfinite(model.scores(words)).all()
        model.known(WORDS)
    assert refused > 50


@pytest.mark.parametrize("name", FILES)
def test_truncated_files_are_refused(name: str) -> None:
    data = (DATA / name).read_bytes()
    # The words at the end of a binary file are not needed; ARPA may lack its last line end.
    needed = (
        data.rstrip(b"\n") if name.endswith(".arpa") else data.rpartition(b"<unk>\0")[0] or data
    )
    for length in range(0, len(needed) - 1, 7):
        with pytest.raises(ValueError, match=r"\w \w"):
            opened(data[:length])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("\\end\\", ""), "cut short"),
        (lambda text: text.replace("ngram 2=", "ngram 2=1"), "must"),
        (lambda text: text.replace("ngram 1=", "ngram 1=99999999"), "more n-grams than"),
        (lambda text: text.replace("\t</s>", "\tend"), "no <s> and </s>"),
        (lambda text: text.replace("\\2-grams:", "\\3-grams:", 1), "must stand here"),
        (lambda text: text.replace("\\4-grams:\n-", "\\4-grams:\n"), "0 or below"),
    ],
)
def test_invalid_arpa_is_refused_with_its_line(change, message: str) -> None:
    text = (DATA / "4gram.arpa").read_text("utf-8")
    assert change(text) != text
    with pytest.raises(ValueError, match=message) as caught:
        opened(change(text).encode())
    assert str(caught.value).startswith("line ")
