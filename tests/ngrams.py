"""Small language models, in the layout the service loads."""

import json
from collections.abc import Sequence
from pathlib import Path

from trainer.language_model import estimate
from trainer.language_model.arpa import write_arpa

SENTENCES = (
    "det er en god dag i dag",
    "det er ikke lett å si hva han mener",
    "vi reiser til oslo i morgen",
    "hun bor i et lite hus ved sjøen",
    "møtet er hevet og vi ses igjen i morgen",
    "han leser en lang bok om havet",
    "det var en gang en konge som bodde ved havet",
    "nå kommer toget til byen",
    "vi må snakke om saken før møtet",
    "en god bok er bedre enn en lang dag",
)


def write_language_model(
    folder: Path,
    sentences: Sequence[str] = SENTENCES,
    *,
    order: int = 3,
    attributes: dict[str, float | bool] | None = None,
) -> Path:
    """Writes an n-gram model of some sentences with its unigrams and attributes."""
    folder.mkdir(parents=True)
    write_arpa(estimate(sentences, order=order), folder / f"{order}gram.arpa")
    words = sorted({word for sentence in sentences for word in sentence.split()})
    (folder / "unigrams.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    given = {"alpha": 0.5, "beta": 1.0, "unk_score_offset": -10.0, "score_boundary": True}
    (folder / "attrs.json").write_text(json.dumps(given | (attributes or {})), encoding="utf-8")
    return folder
