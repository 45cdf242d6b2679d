"""Joins lines that were cut at a margin to paragraphs."""

import re

# A line so short is a heading or an entry of a list, and not one that was cut at the margin.
_MIN_WIDTH = 40
_ENDED = re.compile(r"[.!?:;…][\"'”»)\]]*$")
# As in `kl.` and `nr.`, where a number follows.
_SHORTENED = re.compile(r"(?<!\w)[^\W\d_]{1,3}\.$")
_CUT_WORD = re.compile(r"(?<=[^\W\d_])[-\u00ad]$")
_LINKED = ("og", "eller", "samt", "og/eller")


def unwrap(text: str) -> list[str]:
    """Returns the paragraphs of text whose lines may be cut at a margin.

    A line is continued by the next one where that continues its sentence, or where the first word
    of the next one would not have fitted.
    """
    paragraphs: list[str] = []
    for block in re.split(r"\n[ \t]*\n|\f", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = [" ".join(line.split()) for line in block.split("\n")]
        width = max(map(len, lines), default=0)
        joined = last = ""
        for line in filter(None, lines):
            if not joined:
                joined = last = line
            elif continues_sentence(last, line) or _is_cut(last, line, width):
                joined, last = join_lines(joined, line), line
            else:
                paragraphs.append(joined)
                joined = last = line
        paragraphs.append(joined)
    return paragraphs


def continues_sentence(line: str, following: str) -> bool:
    """Returns whether a line continues the sentence of the one before it, by how it begins.

    It does with a small letter, or with a number after an abbreviation.
    """
    if following[0].isdigit() and _SHORTENED.search(line):
        return True
    return following[0].islower() and not ends_sentence(line)


def ends_sentence(line: str) -> bool:
    """Returns whether a sentence ends where the line does; the next may be of its paragraph."""
    return _ENDED.search(line) is not None


def join_lines(before: str, line: str) -> str:
    """Returns two lines as one.

    A word that is cut by a hyphen is joined, unless a word such as `og` follows.
    """
    first = line.split(maxsplit=1)[0].lower()
    if _CUT_WORD.search(before) and line[0].islower() and first not in _LINKED:
        return before[:-1] + line
    return f"{before} {line}"


def _is_cut(line: str, following: str, width: int) -> bool:
    fits = len(line) + 1 + len(following.split(maxsplit=1)[0]) <= width
    return width >= _MIN_WIDTH and not fits and not ends_sentence(line)
