"""NST, read speech recorded around 2000 for dictation: Norwegian (two microphones) and Danish."""

from dataclasses import replace

from trainer.data.hub import CONVERTED
from trainer.data.published import PublishedSet, Row

_TEXT = "text"


def _instruction(row: Row) -> str | None:
    # "(...Vær stille under dette opptaket...)": a prompt to be silent.
    text = str(row[_TEXT] or "").strip()
    return "instruction" if text.startswith("(") and text.endswith(")") else None


NST_NORWEGIAN = PublishedSet(
    name="nst-norwegian",
    family="nst-norwegian",
    repository="NbAiLab/NST",
    licence="Apache-2.0",
    config="no-close",
    revision=CONVERTED,
    text=_TEXT,
    language="nb",
    speaker="Speaker_ID",
    leave_out=_instruction,
)
NST_NORWEGIAN_DISTANT = replace(NST_NORWEGIAN, name="nst-norwegian-distant", config="no-distant")
NST_DANISH = PublishedSet(
    name="nst-danish",
    family="nst-danish",
    repository="alexandrainst/nst-da",
    licence="CC0-1.0",
    text=_TEXT,
    language="da",
    speaker="speaker_id",
    leave_out=_instruction,
)
