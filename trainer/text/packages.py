"""Reads the paragraphs of one language from Debian packages.

Only apt and dpkg are used, nothing is installed. Message catalogues (.mo), help pages
(.html, .page, .docbook) and manual pages are read from the archives without unpacking them.
"""

import gettext
import gzip
import io
import re
import subprocess
import tarfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

from trainer.errors import CorpusError

BREAK = "\x00"
"""Stands where markup hid something that is no running text; a sentence with it is dropped."""

_BLOCKS = frozenset(
    """
    blockquote body br caption dd div dl dt entry figcaption figure footer h1 h2 h3 h4 h5 h6
    header hr item li listitem nav note ol p para section table td th title tr ul
    """.split()  # noqa: SIM905 - one tag a line would be forty lines
)
_HIDDEN = frozenset(
    "code footer kbd nav pre programlisting samp screen script style tt".split()  # noqa: SIM905
)
_PAGES = frozenset((".html", ".htm", ".page", ".docbook"))


def download(package: str, folder: Path) -> Path:
    """Returns the archive of a Debian package, downloading it into `folder` unless it is there.

    Raises:
        CorpusError: there is no apt-get, or it does not know the package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if found := sorted(folder.glob(f"{package}_*.deb")):
        return found[-1]
    try:
        subprocess.run(  # noqa: S603 - the package's name is one argument, of apt-get alone
            ["apt-get", "download", package],  # noqa: S607 - apt-get is wherever the system has it
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise CorpusError("the text comes from Debian packages, and there is no apt-get") from error
    except subprocess.CalledProcessError as error:
        detail = error.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise CorpusError(
            f"apt-get cannot download {package} (run `apt-get update` first): {detail[0]}"
        ) from error
    return sorted(folder.glob(f"{package}_*.deb"))[-1]


def paragraphs(archive: Path, locales: tuple[str, ...]) -> Iterator[str]:
    """Yields every paragraph of an archive that lies under a folder named like a locale."""
    required = frozenset(locales)
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own file
        with tarfile.open(fileobj=process.stdout, mode="r|") as files:
            for member in files:
                path = PurePosixPath(member.name)
                if not member.isfile() or required.isdisjoint(path.parts[:-1]):
                    continue
                content = files.extractfile(member)
                if content is not None:
                    yield from _read(path, content.read())
        # dpkg-deb pads its stream past the end of the archive and fails on a closed pipe.
        while process.stdout is not None and process.stdout.read(1 << 16):
            continue


def _read(path: PurePosixPath, content: bytes) -> Iterator[str]:
    if path.suffix == ".mo":
        yield from catalogue_paragraphs(content)
    elif path.suffix in _PAGES:
        yield from page_paragraphs(content.decode("utf-8", "replace"))
    elif "man" in path.parts and path.suffix == ".gz":
        yield from manual_paragraphs(gzip.decompress(content).decode("utf-8", "replace"))


def catalogue_paragraphs(content: bytes) -> Iterator[str]:
    """Yields the translations of a message catalogue that differ from their source."""
    try:
        catalogue = gettext.GNUTranslations(io.BytesIO(content))._catalog  # type: ignore[attr-defined]
    except (OSError, ValueError, UnicodeDecodeError):
        return
    for source, translation in catalogue.items():
        source_text = source[0] if isinstance(source, tuple) else source
        if not source_text or source_text == translation:
            continue
        # Toolkits mark the access key of a label with one of these in the middle of a word.
        text = re.sub(r"[&_](?=\w)", "", translation)
        for line in text.replace("\\n", "\n").splitlines():
            yield from page_paragraphs(line) if "<" in line else (line,)


def page_paragraphs(page: str) -> Iterator[str]:
    """Yields the text of every block of an HTML, Mallard or DocBook page."""
    reader = _PageReader()
    reader.feed(page)
    reader.close()
    yield from reader.paragraphs()


def manual_paragraphs(page: str) -> Iterator[str]:
    """Yields the paragraphs of a manual page; requests end one, font changes are removed."""
    lines: list[str] = []
    for line in page.splitlines():
        if line.startswith((".", "'")) or not line.strip():
            yield " ".join(lines)
            lines = []
        else:
            lines.append(re.sub(r"\\f.|\\[&%|^]", "", line).replace("\\-", "-"))
    yield " ".join(lines)


class _PageReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _HIDDEN:
            self._hidden.append(tag)
            self._parts.append(BREAK)
        elif tag in _BLOCKS:
            self._parts.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag == self._hidden[-1]:
            self._hidden.pop()
        elif tag in _BLOCKS:
            self._parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._parts.append(data.replace("\n", " "))

    def paragraphs(self) -> Iterator[str]:
        for part in "".join(self._parts).split("\n\n"):
            if part.strip(f" {BREAK}"):
                yield part
