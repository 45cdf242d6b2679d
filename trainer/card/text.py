"""Wraps text as Markdown; has the names that the sections of a card share."""

import textwrap
from collections.abc import Iterable, Mapping

LANGUAGES = {"da": "Danish", "nb": "Norwegian Bokmål", "nn": "Norwegian Nynorsk"}
_WIDTH = 100


def paragraph(text: str, *, first: str = "", rest: str = "") -> str:
    """Wraps a text; lines begin with `first`, all but the first one with `rest`."""
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def bullets(items: Iterable[str]) -> str:
    """Returns a list, each item wrapped below itself."""
    return "\n".join(paragraph(item, first="- ", rest="  ") for item in items)


def counted(counts: Mapping[str, int]) -> str:
    """Returns `55,386 too short, 27 foreign letters`, the most frequent first."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {name}" for name, count in ranked if count)


def joined(items: Iterable[str]) -> str:
    """Returns `a, b and c`."""
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last
