"""The bundled Bokmål demo beside a language model that knows the words of its samples."""

import json
import shutil
from pathlib import Path

import pytest

DEMO = Path(__file__).resolve().parents[4] / "models" / "demo-nb"


@pytest.fixture(scope="session")
def samples() -> Path:
    """A manifest of three synthesised sentences by two voices."""
    return DEMO / "samples" / "samples.jsonl"


@pytest.fixture(scope="session")
def texts(samples: Path) -> list[str]:
    return [json.loads(line)["text"] for line in samples.read_text("utf-8").splitlines()]


@pytest.fixture(scope="session")
def model_with_lm(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Path:
    folder = tmp_path_factory.mktemp("models") / "demo-nb"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("language_model"))
    words = sorted({word for text in texts for word in text.split()})
    language_model = folder / "language_model"
    language_model.mkdir()
    grams = "".join(f"-2\t{word}\t0\n" for word in ["<unk>", "<s>", "</s>", *words])
    (language_model / "2gram.arpa").write_text(
        f"\\data\\\nngram 1={len(words) + 3}\nngram 2=1\n\n\\1-grams:\n{grams}\n"
        f"\\2-grams:\n-1\t{words[0]} {words[1]}\n\n\\end\\\n",
        "utf-8",
    )
    (language_model / "unigrams.txt").write_text("\n".join(words), "utf-8")
    (language_model / "attrs.json").write_text(json.dumps({"alpha": 0.5, "beta": 1.0}))
    return folder
