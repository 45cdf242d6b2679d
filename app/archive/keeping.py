"""Keeps the result of a recording: writes its files, then notes it in the manifest."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.archive.inputs import output_place
from app.archive.manifest import Manifest, Pending
from app.archive.results import Result
from app.contract.layout import Layout
from app.watching import write_error, write_outputs


@dataclass(frozen=True, slots=True)
class Texts:
    """The files that are written for each recording.

    Attributes:
        folder: of the results.
        formats: names of formats; none writes no file.
        word_cues: in WebVTT, mark when each word is spoken.
        layout: of text, md, f4 and docx.
        request: digest of what decides a transcript.
    """

    folder: Path
    formats: tuple[str, ...]
    word_cues: bool
    layout: Layout
    request: str

    @property
    def name(self) -> str:
        """Names them in the manifest, with the request that they are of; empty for none."""
        if not self.formats:
            return ""
        shown = [f"{name}={value}" for name, value in self.layout.given().items()]
        cues = ["cues"] if self.word_cues else []
        return " ".join((self.request, *self.formats, *cues, *shown))

    def write(self, path: str, result: Result) -> None:
        """Writes the files of a recording; safe on any thread.

        Args:
            path: of the recording.
            result: of the recording.

        Raises:
            OSError: a file cannot be written.
        """
        if not self.formats:
            return
        place = output_place(path)
        if result.failed:
            write_error(self.folder, place, result.message)
            return
        name = PurePosixPath(path).name
        files = result.files(self.formats, name, word_cues=self.word_cues, layout=self.layout)
        write_outputs(self.folder, place, files)


def keep(
    manifest: Manifest,
    texts: Texts,
    recording: Pending,
    result: Result,
    *,
    digest: str,
    version: str,
) -> None:
    """Notes a result whose files are written.

    Args:
        manifest: of the archive.
        texts: that were written.
        recording: that was pending.
        result: of its content, or why it cannot be read.
        digest: of its content; empty where it cannot be read.
        version: of what was read.
    """
    if digest:
        manifest.add(recording, digest, result, version=version, writing=texts.name)
    else:
        manifest.add_unread(recording, result)
