"""Reads the text of Markdown."""

import re
from html import unescape

from trainer.documents.paragraphs import unwrap

_FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.DOTALL | re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_IMAGE = re.compile(r"!\[([^\]]*)\](?:\([^()]*\)|\[[^\]]*\])?")
_LINK = re.compile(r"\[([^\]]+)\](?:\([^()]*\)|\[[^\]]*\])")
_DEFINITION = re.compile(r"^[ \t]*\[[^\]]+\]:.*$", re.MULTILINE)
_BLOCK_MARK = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+|\d{1,9}[.)][ \t]+)+")
_RULE = re.compile(r"^[ \t|:=*_-]+$")
_EMPHASIS = re.compile(r"(\*{1,3}|_{1,3}|~~|`+)(?=\S)(.+?)(?<=\S)\1")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_ADDRESS = re.compile(r"<?\b(?:https?://|www\.)\S+|\S+@\S+\.\w+", re.IGNORECASE)


def markdown_paragraphs(text: str) -> list[str]:
    """Returns the paragraphs of Markdown, without marks, code and addresses.

    Headings, entries of lists and cells of tables are paragraphs.
    """
    text = _FRONT_MATTER.sub("", text.replace("\r\n", "\n"))
    text = _DEFINITION.sub("", _COMMENT.sub("", _FENCE.sub("", text)))
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    lines = []
    for line in text.split("\n"):
        stripped = _BLOCK_MARK.sub("", line)
        if stripped != line:
            lines.append("")
        if "|" in stripped:
            cells = [] if _RULE.match(line) else stripped.strip().strip("|").split("|")
            lines += [part for cell in cells for part in (_inline(cell), "")]
        elif not _RULE.match(line):
            lines.append(_inline(stripped))
        else:
            lines.append("")
        if line.lstrip().startswith("#"):
            lines.append("")
    return unwrap("\n".join(lines))


def _inline(text: str) -> str:
    text = _ADDRESS.sub(" ", text)
    text = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", _TAG.sub("", text)))
    return unescape(_ESCAPED.sub(r"\1", text)).replace("\n", " ")
