"""Maps language tags, codes and names to the codes that the cards use.

`no` is the macro-language that holds `nb` and `nn` (ISO 639-1); the rest are plain languages.
"""

from types import MappingProxyType

NORWEGIAN = "no"
WRITTEN_NORWEGIAN = frozenset({"nb", "nn"})

_NAMES = {
    "nb": (
        "nob", "bokmål", "bokmal", "bokmaal", "norsk bokmål", "norwegian bokmål",
        "norwegian bokmal", "norwegian-bokmål", "norwegian-bokmal", "no-bok", "no-bokmål",
    ),
    "nn": (
        "nno", "nynorsk", "norsk nynorsk", "norwegian nynorsk", "norwegian-nynorsk",
        "no-nyn", "no-nynorsk",
    ),
    "no": ("nor", "norwegian", "norsk"),
    "da": ("dan", "danish", "dansk"),
}  # fmt: skip
_CODES = MappingProxyType({name: code for code, names in _NAMES.items() for name in (code, *names)})


def canonical_language(text: str) -> str:
    """Returns the code for a language tag, ISO 639 code or name, in any case.

    `nn-NO`, `nno` and `Nynorsk` all give `nn`; `Norwegian` gives `no`. A tag in no list here
    comes back as its lower-case first part, so `sv-SE` gives `sv`.
    """
    folded = text.strip().casefold().replace("_", "-")
    if folded in _CODES:
        return _CODES[folded]
    primary = folded.split("-", 1)[0].strip()
    return _CODES.get(primary, primary)
