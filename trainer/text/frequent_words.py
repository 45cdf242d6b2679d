"""The most frequent words of a language that are in its dictionary, with their shares.

Frequencies are wordfreq's, which has none of Nynorsk: there they are those of Bokmål, word by word
translated by Apertium. The dictionaries are Debian's; they leave out foreign words and names.
"""

import io
import subprocess
import tarfile
from pathlib import Path

from app.text import LETTERS, normalise
from trainer.errors import CorpusError
from trainer.text.packages import download
from trainer.text.translation import translate
from trainer.text.word_frequencies import download_wordfreq, word_frequencies

_DICTIONARIES = {
    "da": ("wdanish", "danish"),
    "nb": ("wnorwegian", "bokmaal"),
    "nn": ("wnorwegian", "nynorsk"),
}
_COUNTED_FROM = {"da": "da", "nb": "nb", "nn": "nb"}
_MORE = 2  # words to read for each one that is required: some are in no dictionary
_LETTERS = frozenset(LETTERS)


def frequent_words(language: str, count: int, packages: Path) -> dict[str, float]:
    """Returns words with the share that each is of all running words, the most frequent first.

    Args:
        language: da, nb or nn.
        count: how many words.
        packages: where Debian archives and wheels are kept; what is missing is downloaded.

    Raises:
        CorpusError: another language, or a package or Apertium is not available.
    """
    if language not in _DICTIONARIES:
        raise CorpusError(f"no word frequencies for {language!r}, only {', '.join(_DICTIONARIES)}")
    source = _COUNTED_FROM[language]
    shares = word_frequencies(download_wordfreq(packages), source, _MORE * count)
    if source != language:
        shares = _translated(shares, source, language)
    known = dictionary(language, packages)
    kept = sorted(known.intersection(shares), key=lambda word: (-shares[word], word))
    return {word: shares[word] for word in kept[:count]}


def dictionary(language: str, packages: Path) -> frozenset[str]:
    """Returns every word form of a language's word list but names.

    Raises:
        CorpusError: the package is not available, or has no such list.
    """
    package, name = _DICTIONARIES[language]
    archive = download(package, packages)
    unpacked = subprocess.run(  # noqa: S603 - our own file
        ["dpkg-deb", "--fsys-tarfile", str(archive)],  # noqa: S607 - wherever the system has it
        check=True,
        capture_output=True,
    )
    with tarfile.open(fileobj=io.BytesIO(unpacked.stdout)) as files:
        try:
            content = files.extractfile(f"./usr/share/dict/{name}")
        except KeyError:
            content = None
        if content is None:
            raise CorpusError(f"{archive} has no word list {name}")
        words = _decoded(content.read()).split()
    # A word in capitals is a name or an abbreviation.
    common = (normalise(word) for word in words if word == word.lower())
    return frozenset(word for word in common if _LETTERS.issuperset(word))


def _decoded(content: bytes) -> str:
    """Decodes UTF-8, as wdanish is written in, or Latin-1, as wnorwegian is."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _translated(shares: dict[str, float], source: str, language: str) -> dict[str, float]:
    """Returns the translations of single words; what becomes one word has the sum of the shares."""
    found: dict[str, float] = {}
    for share, translation in zip(
        shares.values(), translate(list(shares), source, language), strict=True
    ):
        word = normalise(translation or "")
        if word:
            found[word] = found.get(word, 0.0) + share
    return found
