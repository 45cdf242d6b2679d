"""The beginning of a word in, what it may become out; asked by the shell at each press of a key."""

import os
from pathlib import Path

from app.settings import REPOSITORY

LANGUAGES = ("nb", "nn", "no", "da")
DECODERS = ("auto", "greedy", "beam", "greedy+lm")
ENCODINGS = ("s16le", "s16be", "f32le", "mulaw", "alaw")
# Those of app.formats.FORMATS, which takes too long to import here; a test holds them together.
FORMATS = ("json", "text", "srt", "vtt", "tsv", "textgrid", "eaf", "ctm")
ALL = "all"


def complete_model(incomplete: str) -> list[str]:
    """Ids of the catalogue."""
    folder = Path(os.environ.get("NORDLYD_CATALOGUE", REPOSITORY / "models"))
    ids = sorted(card.parent.name for card in folder.glob("*/model.toml"))
    return [name for name in ids if name.startswith(incomplete)]


def complete_language(incomplete: str) -> list[str]:
    """Codes of the languages."""
    return [name for name in LANGUAGES if name.startswith(incomplete)]


def complete_decoder(incomplete: str) -> list[str]:
    """Names of the decoders."""
    return [name for name in DECODERS if name.startswith(incomplete)]


def complete_encoding(incomplete: str) -> list[str]:
    """Encodings of raw samples."""
    return [name for name in ENCODINGS if name.startswith(incomplete)]


def complete_formats(incomplete: str) -> list[str]:
    """Names of formats, one or a list with commas."""
    before, comma, last = incomplete.rpartition(",")
    names = FORMATS if comma else (*FORMATS, ALL)
    return [f"{before}{comma}{name}" for name in names if name.startswith(last)]
