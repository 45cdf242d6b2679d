"""Parses a Dockerfile into stages and instructions, and lists the files of its build context.

Only what our Dockerfile uses: no heredocs, no escape directive. Anything else is an error.
"""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

_KEYWORDS = frozenset(
    [
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "RUN",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its keyword, its `--flags` in order and the rest as written."""

    keyword: str
    flags: tuple[str, ...]
    value: str


@dataclass(frozen=True, slots=True)
class Stage:
    """What follows one FROM: the name it is given, its base and its instructions."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, keyword: str) -> list[Instruction]:
        return [item for item in self.instructions if item.keyword == keyword]

    def last(self, keyword: str) -> Instruction:
        return self.all(keyword)[-1]


def parse_dockerfile(text: str) -> list[Stage]:
    """Reads the stages of a Dockerfile.

    Raises:
        ValueError: an instruction that this reader does not know, or one before any FROM.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        keyword, _, rest = line.strip().partition(" ")
        if keyword not in _KEYWORDS or "<<" in rest:
            raise ValueError(f"not understood: {line}")
        flags, value = _split_flags(rest.strip())
        if keyword == "FROM":
            base, _, name = value.partition(" AS ")
            stages.append(Stage(name.strip() or str(len(stages)), base.strip()))
        elif not stages:
            raise ValueError(f"before any FROM: {line}")
        else:
            stages[-1].instructions.append(Instruction(keyword, flags, value))
    return stages


def _split_flags(rest: str) -> tuple[tuple[str, ...], str]:
    flags = []
    while rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        flags.append(flag)
        rest = rest.lstrip()
    return tuple(flags), rest


def assignments(value: str) -> dict[str, str]:
    """The pairs of an `ENV` or `LABEL` instruction, quotes removed, variables as written."""
    return dict(word.split("=", 1) for word in shlex.split(value))


def context_files(repository: Path) -> list[Path]:
    """The files that a build sends, relative to the repository: what .dockerignore lets through.

    Follows Docker's rules: the last pattern that matches a path or one of its parents decides,
    `!` lets in, `*` stops at a slash and `**` does not. The file must begin with a lone `*`,
    so only what a `!` pattern names has to be walked. A link is a file of its own.
    """
    lines = (repository / ".dockerignore").read_text("utf-8").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if patterns[0] != "*":
        raise ValueError(".dockerignore must begin by excluding everything")
    tops = {pattern[1:].split("/")[0] for pattern in patterns if pattern.startswith("!")}
    rules = [(pattern.startswith("!"), _matcher(pattern.removeprefix("!"))) for pattern in patterns]
    found = []
    for top in sorted(tops):
        start = repository / top
        for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
            relative = path.relative_to(repository)
            if (path.is_file() or path.is_symlink()) and _let_in(relative, rules):
                found.append(relative)
    return found


def _matcher(pattern: str) -> re.Pattern[str]:
    expression = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        expression += {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(
            part, re.escape(part)
        )
    return re.compile(expression)


def _let_in(path: Path, rules: list[tuple[bool, re.Pattern[str]]]) -> bool:
    names = [path.as_posix(), *(parent.as_posix() for parent in path.parents if parent.name)]
    let_in = True
    for lets_in, matcher in rules:
        if any(matcher.fullmatch(name) for name in names):
            let_in = lets_in
    return let_in
