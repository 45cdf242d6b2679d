"""The bundled Bokmål demo, alone and beside a language model that knows its samples' words."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.recipe_schema import ModelRecipe

DEMO = Path(__file__).resolve().parents[1] / "models" / "demo-nb"
SAMPLES = DEMO / "samples" / "samples.jsonl"
"""A manifest of three synthesised sentences by two voices."""


def sample_texts() -> list[str]:
    """The reference texts of the samples."""
    return [json.loads(line)["text"] for line in SAMPLES.read_text("utf-8").splitlines()]


def tiny_shape() -> "ModelRecipe":
    """The shape of the demo with 30,000 weights, of two layers."""
    # Here and not above: the tests of the service import this module too.
    from trainer.recipe import load_recipe

    return replace(
        load_recipe("demo-nb").model,
        conv_dim=(16, 16, 16, 16),
        hidden_size=32,
        layers=2,
        heads=2,
        intermediate_size=32,
        position_kernel=8,
        position_groups=4,
    )


def write_demo_with_language_model(folder: Path) -> Path:
    """Copies the demo, with a language model of single words: all words of the samples."""
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("language_model"))
    texts = sample_texts()
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
    attributes = {"alpha": 0.5, "beta": 1.0, "unk_score_offset": -10.0, "score_boundary": True}
    (language_model / "attrs.json").write_text(json.dumps(attributes))
    return folder
