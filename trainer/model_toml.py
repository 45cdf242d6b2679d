"""Changes single values of a `model.toml` and leaves its order and its comments as they are."""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from app.catalogue import read_card

_TABLE = re.compile(r"^\[", flags=re.MULTILINE)
_LANGUAGES = re.compile(r"^languages\s*=\s*\[[^\]]*\].*$", flags=re.MULTILINE)
_ID = re.compile(r"^id\s*=.*$", flags=re.MULTILINE)
_DECODING = "[decoding]"


def tables(text: str) -> list[str]:
    """Cuts TOML where a table begins; the first part is what stands before any."""
    starts = [0, *(match.start() for match in _TABLE.finditer(text)), len(text)]
    return [text[start:stop] for start, stop in pairwise(starts)]


def with_value(text: str, key: str, value: str) -> str:
    """Replaces the line of a key before the tables, or adds one after the languages or the id."""
    head, *others = tables(text)
    changed = _replaced(head, key, value)
    if changed is not None:
        return "".join([changed, *others])
    anchor = _LANGUAGES.search(head) or _ID.search(head)
    # Every card has an id, or it would not have been read.
    assert anchor is not None
    line = f"\n{key} = {value}"
    return "".join([head[: anchor.end()], line, head[anchor.end() :], *others])


def write_decoding(path: Path, weights: Mapping[str, float]) -> None:
    """Writes weights of the beam search into the table `decoding` of a model's card.

    Args:
        path: of `model.toml`.
        weights: by their names in `app.catalogue.cards.DecodingDefaults`.

    Raises:
        ConfigurationError: the file is not one the service can read.
    """
    read_card(path)
    parts = tables(path.read_text(encoding="utf-8"))
    place = next((at for at, part in enumerate(parts) if part.startswith(_DECODING)), None)
    if place is None:
        parts[-1] = parts[-1].rstrip() + "\n\n"
        parts.append(f"{_DECODING}\n")
        place = len(parts) - 1
    for key, value in weights.items():
        number = repr(float(value))
        title, mark, values = parts[place].partition("\n")
        changed = _replaced(values, key, number)
        if changed is None:
            changed = f"{key} = {number}\n{values}"
        parts[place] = title + (mark or "\n") + changed
    path.write_text("".join(parts), encoding="utf-8")
    read_card(path)


def _replaced(text: str, key: str, value: str) -> str | None:
    """Returns a text with another value of a key; None where it has no line of the key."""
    found = re.search(rf"^{key}\s*=.*$", text, flags=re.MULTILINE)
    return found and f"{text[: found.start()]}{key} = {value}{text[found.end() :]}"
