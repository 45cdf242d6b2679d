"""Runs the instructions of a Dockerfile without a container engine, in a folder of its own.

Every absolute path of the image is moved below one folder, so the lines run as they are written
but touch nothing else. The base images are stood in for by this machine's Python and tools.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile import Instruction, Stage, assignments, context_files, parse_dockerfile

_IMAGE_PATHS = ("/opt", "/build", "/dist", "/var/lib/nordlyd")
# The machine's settings of its package index; the host would pass them to a container too.
_PASSED_ON = re.compile(r"PIP_\w+|SSL_CERT_\w+|(https?|no)_proxy", re.IGNORECASE)


@dataclass(slots=True)
class Image:
    """A stage that was built: what a container of it would start, and where its files lie.

    The paths in an image's files are those below `root`, a link to the image that is in use.
    """

    stage: Stage
    root: Path
    files: Path
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path = Path("/")

    def command(self, keyword: str) -> list[str]:
        """The exec form of an instruction, with the image's paths moved below the root."""
        words = json.loads(self.stage.last(keyword).value.removeprefix("CMD "))
        return [moved(word, self.root) for word in words]


def moved(text: str, root: Path) -> str:
    """The text with each path of the image moved below `root`."""
    paths = "|".join(re.escape(path) for path in _IMAGE_PATHS)
    return re.sub(rf"(?<![\w./-])({paths})(?![\w-])", lambda match: f"{root}{match[0]}", text)


class Builder:
    """Builds stages of the repository's Dockerfile, each once.

    Args:
        repository: the folder with the Dockerfile.
        folder: an empty folder; the files of the image in use are in `folder/root`.
        arguments: build arguments by name.
    """

    def __init__(self, repository: Path, folder: Path, arguments: dict[str, str]) -> None:
        self._folder = folder
        self._root = folder / "root"
        self._arguments = arguments
        self._stages = parse_dockerfile((repository / "Dockerfile").read_text("utf-8"))
        self._built: dict[str, Image] = {}
        self._context = folder / "context"
        for relative in context_files(repository):
            target = self._context / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(repository / relative, target, follow_symlinks=False)
        self._tools = folder / "tools"
        self._tools.mkdir()
        self._tool("python", f'exec {sys._base_executable} "$@"')  # type: ignore[attr-defined]
        if os.geteuid() != 0:
            self._tool("chown", "true")

    def build(self, target: str | None = None) -> Image:
        """Builds a stage, by default the last one, and what it needs; the image is then in use."""
        stage = self._stages[-1]
        if target is not None:
            [stage] = [stage for stage in self._stages if stage.name == target]
        if stage.name not in self._built:
            for needed in self._needs(stage):
                self.build(needed)
            image = self._start(stage)
            for instruction in stage.instructions:
                self._run_instruction(image, instruction)
            self._built[stage.name] = image
        self._use(self._built[stage.name])
        return self._built[stage.name]

    def _needs(self, stage: Stage) -> list[str]:
        names = [stage.base]
        for item in stage.all("COPY"):
            names += [flag.removeprefix("--from=") for flag in item.flags]
        known = {stage.name for stage in self._stages}
        return [name for name in dict.fromkeys(names) if name in known]

    def _use(self, image: Image) -> None:
        self._root.unlink(missing_ok=True)
        self._root.symlink_to(image.files)

    def _tool(self, name: str, line: str) -> None:
        (self._tools / name).write_text(f"#!/bin/sh\n{line}\n", "utf-8")
        (self._tools / name).chmod(0o755)

    def _start(self, stage: Stage) -> Image:
        passed_on = {key: value for key, value in os.environ.items() if _PASSED_ON.fullmatch(key)}
        image = Image(
            stage,
            self._root,
            self._folder / "stages" / stage.name,
            {"PATH": f"{self._tools}:/usr/bin:/bin", **passed_on},
        )
        if base := self._built.get(stage.base):
            image.environment = dict(base.environment)
            image.directory = base.directory
            _copy(base.files, image.files)
        image.files.mkdir(parents=True, exist_ok=True)
        self._use(image)
        return image

    def _run_instruction(self, image: Image, item: Instruction) -> None:
        if item.keyword == "ARG":
            name, _, default = item.value.partition("=")
            image.environment[name] = self._arguments.get(name, default)
        elif item.keyword == "ENV":
            for name, value in assignments(item.value).items():
                known = re.sub(r"\$(\w+)", lambda match: image.environment.get(match[1], ""), value)
                image.environment[name] = moved(known, self._root)
        elif item.keyword == "WORKDIR":
            image.directory = Path(moved(item.value, self._root))
            image.directory.mkdir(parents=True, exist_ok=True)
        elif item.keyword == "COPY":
            self._copy_instruction(image, item)
        elif item.keyword == "RUN":
            self._run(image, item)

    def _copy_instruction(self, image: Image, item: Instruction) -> None:
        origin = self._context
        for flag in item.flags:
            name, _, value = flag.partition("=")
            if name != "--from":
                raise ValueError(f"not understood: {flag}")
            origin = self._built[value].files
        *sources, target = item.value.split()
        for source in sources:
            place = origin / source.lstrip("/")
            goal = image.directory / moved(target, self._root)
            if place.is_file() and (target.endswith("/") or len(sources) > 1):
                goal = goal / place.name
            _copy(place, goal)

    def _run(self, image: Image, item: Instruction) -> None:
        if strange := [
            path
            for path in re.findall(r"(?<![\w.$*-])/\w[\w/.-]*", item.value)
            if moved(path, self._root) == path
        ]:
            raise ValueError(f"would touch this machine: {strange}")
        # A cache or a secret is empty the first time: the line must do without.
        for flag in item.flags:
            if not re.match(r"--mount=type=(cache|secret),", flag):
                raise ValueError(f"not understood: {flag}")
        subprocess.run(
            ["/bin/sh", "-c", moved(item.value, self._root)],
            cwd=image.directory if image.directory != Path("/") else self._root,
            env={"HOME": str(self._folder / "home"), **image.environment},
            check=True,
        )


def _copy(source: Path, target: Path) -> None:
    """Copies a file, or what is in a folder; hard links, because an environment is large."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link, symlinks=True, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(str(source), str(target))


def _link(source: str, target: str) -> None:
    Path(target).unlink(missing_ok=True)
    os.link(source, target, follow_symlinks=False)
