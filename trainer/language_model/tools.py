"""KenLM's `lmplz` and `build_binary`: found on PATH or in the user's cache, or built into it.

They come from the source distribution of PyPI's `kenlm`, whose own build makes the Python
module alone. `build_binary` needs a C++ compiler, `lmplz` Boost's headers as well.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trainer.errors import LanguageModelError

VERSION = "0.3.0"
SHA256 = "c4628bb9fb63c8a6f9240035b8b037385cfc404cb72e933cf48878291edac1e8"
MAX_ORDER = 6
"""Words in the longest n-gram that the `kenlm` modules on PyPI read."""

BOOST_PACKAGES = "libboost-program-options-dev libboost-thread-dev"

_FLAGS = ("-I.", "-std=c++11", "-O3", "-DNDEBUG", f"-DKENLM_MAX_ORDER={MAX_ORDER}", "-w")
_BASE = ("util", "util/double-conversion", "lm")
_ESTIMATION = ("util/stream", "lm/common", "lm/builder")
_BOOST_LIBRARIES = ("-lboost_program_options", "-lboost_thread", "-lboost_system", "-pthread")


def cache_folder(name: str = f"kenlm-{VERSION}") -> Path:
    """Returns where something is kept once it was built or fetched; by default KenLM's tools."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "nordlyd" / name


def find_tool(name: str) -> Path | None:
    """Returns a tool from PATH or from the cache, or None."""
    if found := shutil.which(name):
        return Path(found)
    cached = cache_folder() / name
    return cached if cached.is_file() else None


def run_tool(command: Sequence[str | Path], *, folder: Path | None = None) -> str:
    """Runs a program and returns what it wrote to its standard error.

    Raises:
        LanguageModelError: there is no such program, or it fails; with its last line.
    """
    arguments = [str(part) for part in command]
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            arguments, cwd=folder, check=False, capture_output=True, text=True
        )
    except OSError as error:
        raise LanguageModelError(f"{arguments[0]} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        message = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise LanguageModelError(f"{Path(arguments[0]).name} failed: {message}")
    return done.stderr


def build_tools(output: Path | None = None, *, notify: Callable[[str], None]) -> tuple[Path, ...]:
    """Downloads KenLM's source and builds its tools; returns them.

    Args:
        output: folder for the programs; default: the user's cache, where `find_tool` looks.
        notify: called with a line of progress.

    Raises:
        LanguageModelError: no C++ compiler, or the source cannot be downloaded or compiled.
    """
    compiler = os.environ.get("CXX") or "g++"
    if shutil.which(compiler) is None:
        raise LanguageModelError(f"KenLM needs a C++ compiler, and there is no {compiler}")
    folder = (output or cache_folder()).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        notify(f"downloading the source of kenlm {VERSION}")
        source = _download(Path(scratch))
        notify("compiling build_binary")
        base = _compile(compiler, source, _BASE)
        built = [_link(compiler, source, "lm/build_binary", base, (), folder)]
        if _has_boost(compiler):
            notify("compiling lmplz")
            objects = base + _compile(compiler, source, _ESTIMATION)
            built.append(
                _link(compiler, source, "lm/builder/lmplz", objects, _BOOST_LIBRARIES, folder)
            )
        else:
            notify(f"no lmplz: it needs Boost (apt install {BOOST_PACKAGES}); ours does without")
    return tuple(built)


def _download(folder: Path) -> Path:
    """Fetches the source distribution by pip, checked by its hash, and unpack it."""
    required = folder / "requirements.txt"
    required.write_text(f"kenlm=={VERSION} --hash=sha256:{SHA256}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
    run_tool(
        [*pip, "--no-deps", "--no-binary=kenlm", f"--dest={folder}", f"--requirement={required}"]
    )
    with tarfile.open(folder / f"kenlm-{VERSION}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / f"kenlm-{VERSION}"


def _compile(compiler: str, source: Path, folders: Sequence[str]) -> list[str]:
    """Compiles every file of some folders but tests and programs; returns the object files."""
    files = [
        file.relative_to(source).with_suffix("")
        for folder in folders
        for file in sorted((source / folder).glob("*.cc"))
        if not file.stem.endswith(("_test", "_main"))
    ]

    def compile_one(file: Path) -> str:
        run_tool([compiler, *_FLAGS, "-c", f"{file}.cc", "-o", f"{file}.o"], folder=source)
        return f"{file}.o"

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(compile_one, files))


def _link(  # noqa: PLR0917 - one call of one compiler
    compiler: str,
    source: Path,
    program: str,
    objects: Sequence[str],
    libraries: Sequence[str],
    folder: Path,
) -> Path:
    target = folder / Path(program).name
    run_tool(
        [compiler, *_FLAGS, f"{program}_main.cc", *objects, *libraries, "-o", target],
        folder=source,
    )
    return target


def _has_boost(compiler: str) -> bool:
    headers = ("boost/program_options.hpp", "boost/thread.hpp")
    with tempfile.TemporaryDirectory() as scratch:
        probe = Path(scratch) / "probe.cc"
        probe.write_text("".join(f"#include <{header}>\n" for header in headers))
        try:
            run_tool([compiler, "-std=c++11", "-fsyntax-only", "-w", probe])
        except LanguageModelError:
            return False
    return True
