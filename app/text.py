"""Text as the acoustic models write it: normalises transcripts to lower-case words of letters.

Shared by the service and the trainer, so that both spell alike. The rules are those of the
published NPSC recipe (NbAiLab, 2022); see `Mode` for where they went wrong.
"""

import re
from typing import Literal

Mode = Literal["corrected", "strict"]
"""`strict` has the published rules: `ö` became `o` before `ö→ø` could act, a slash joined words."""

LETTERS = "abcdefghijklmnopqrstuvwxyzæøå"
"""What Danish and Norwegian words consist of after normalisation."""

_FOLDS = {"á": "a", "à": "a", "â": "a", "ä": "æ", "ç": "c"}
_FOLDS |= dict.fromkeys("éèëê", "e") | dict.fromkeys("íìïî", "i")
_FOLDS |= dict.fromkeys("óòô", "o") | dict.fromkeys("úùüû", "u")
_TABLES: dict[Mode, dict[int, str]] = {
    "corrected": str.maketrans(_FOLDS | {"ö": "ø"}),
    "strict": str.maketrans(_FOLDS | {"ö": "o"}),
}
_PUNCTUATION = str.maketrans("", "", ",?.!-;:\"“”%‘’'–—_\\+#/…«»„()[]*�­")
_HESITATIONS = {"<ee>": "eee", "<qq>": "qqq", "<mm>": "mmm"}
_INAUDIBLE = "<inaudible>"
_MIN_LENGTH = 3


def fold(text: str, *, mode: Mode = "corrected") -> str:
    """Returns `text` in lower case, accents folded to plain letters, white space to one space."""
    return " ".join(text.lower().translate(_TABLES[mode]).split())


def normalise(text: str, *, mode: Mode = "corrected") -> str:
    """Returns the transcript as a model is trained to write it.

    Hesitations become letters (`<ee>` is `eee`), punctuation goes, the rest is `fold`ed. A slash
    parts words (`og/eller`), except in the published rules, which joined them.
    """
    if mode == "corrected":
        text = text.replace("/", " ")
    for mark, spelled in _HESITATIONS.items():
        text = text.replace(mark, spelled)
    return fold(text.translate(_PUNCTUATION), mode=mode)


def rejection(text: str) -> str | None:
    """Returns why a transcript cannot be trained on, or None where it can.

    The published filter: nothing inaudible, no digits, at least three characters.
    """
    if _INAUDIBLE in text:
        return "inaudible"
    if re.search(r"\d", text):
        return "digits"
    if len(text.strip()) < _MIN_LENGTH:
        return "too short"
    return None


def corpus_line(text: str, *, mode: Mode = "corrected") -> str:
    """Returns one line of a language-model corpus: digits and punctuation removed, then folded."""
    return fold(re.sub(r"\d", "", text.translate(_PUNCTUATION)), mode=mode)
