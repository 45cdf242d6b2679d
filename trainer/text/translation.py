"""Translates sentences between Bokmål and Nynorsk with Apertium.

Forcada et al. 2011, doi:10.1007/s10590-011-9090-0; the pair is Debian's apertium-nno-nob.
"""

import subprocess
from collections.abc import Sequence

from trainer.errors import CorpusError

_PAIRS = {("nb", "nn"): "nob-nno", ("nn", "nb"): "nno-nob"}
_INSTALL = "apt-get install apertium apertium-nno-nob"
_BREAK = "\n\n"  # Apertium takes what lies between blank lines for one sentence
_UNKNOWN = frozenset("*@#")  # its marks of words that it does not know or cannot inflect


def translate(sentences: Sequence[str], source: str, target: str) -> list[str | None]:
    """Returns each sentence's translation, or None where Apertium does not know all its words.

    Raises:
        CorpusError: there is no such pair of languages, Apertium is not installed, or it fails.
    """
    if (source, target) not in _PAIRS:
        raise CorpusError(f"Apertium is used between nb and nn only, not {source} and {target}")
    if not sentences:
        return []
    pair = _PAIRS[source, target]
    try:
        done = subprocess.run(  # noqa: S603 - the pair is one of two constants
            ["apertium", pair],  # noqa: S607 - apertium is wherever the system has it
            input=_BREAK.join(sentences) + "\n",
            check=True,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
    except FileNotFoundError as error:
        raise CorpusError(f"the recipe translates its text; first run `{_INSTALL}`") from error
    except subprocess.CalledProcessError as error:
        detail = " ".join(error.stderr.split())[:200]
        raise CorpusError(f"apertium {pair} fails ({detail}); run `{_INSTALL}`") from error
    translated = done.stdout.rstrip("\n").split(_BREAK)
    if len(translated) != len(sentences):
        raise CorpusError(
            f"apertium {pair} made {len(translated)} sentences of {len(sentences)}; "
            "another version than Debian's?"
        )
    return [None if _UNKNOWN.intersection(text) else text.strip() for text in translated]
