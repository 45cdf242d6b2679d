"""Reads what people wrote of a recording: plain text, subtitles, or the service's JSON."""

import html
import json
import re
from pathlib import Path

from trainer.errors import DataError
from trainer.text_files import decode_text

SUFFIXES = (".txt", ".md", ".srt", ".vtt", ".json")

_TIMES = "-->"
_MARKUP = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_PARAGRAPH = re.compile(r"\n\s*\n")


def read_transcript(file: Path) -> list[str]:
    """Returns the paragraphs of a transcript, each on one line, empty ones left out.

    Raises:
        DataError: the file cannot be read, is of another kind, or has no words.
    """
    try:
        text = decode_text(file.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from error
    if "\0" in text:
        raise DataError(f"{file} is no text; accepted are {', '.join(SUFFIXES)}")
    suffix = file.suffix.lower()
    if suffix in {".srt", ".vtt"}:
        text = _cues(text)
    elif suffix == ".json":
        text = _text_of_json(text, file)
    paragraphs = [" ".join(part.split()) for part in _PARAGRAPH.split(text)]
    if not any(letter.isalnum() for part in paragraphs for letter in part):
        raise DataError(f"{file} has no words")
    return [part for part in paragraphs if part]


def _cues(text: str) -> str:
    """Returns the text of subtitles, without numbers, times, notes and markup."""
    lines: list[str] = []
    for block in _PARAGRAPH.split(text):
        block_lines = block.split("\n")
        times = [number for number, line in enumerate(block_lines) if _TIMES in line]
        if times:
            lines += block_lines[times[0] + 1 :]
    return html.unescape(_MARKUP.sub("", "\n".join(lines)))


def _text_of_json(text: str, file: Path) -> str:
    try:
        found = json.loads(text)["text"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f'{file} is no transcript of the service: it lacks "text"') from error
    if not isinstance(found, str):
        raise DataError(f'{file} is no transcript of the service: "text" is no text')
    return found
