"""KenLM's programs: where they are looked for, and what their failures look like."""

import os
import sys
from pathlib import Path

import pytest

from trainer.errors import LanguageModelError
from trainer.language_model.tools import build_tools, cache_folder, find_tool, run_tool


def program(folder: Path, name: str, script: str = "exit 0") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of PATH; the user's cache is empty."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "bin"


def test_tool_is_found_in_the_cache_and_before_it_in_path(path: Path, tmp_path: Path) -> None:
    assert find_tool("lmplz") is None
    cached = program(cache_folder(), "lmplz")
    assert tmp_path / "cache" in cached.parents
    assert find_tool("lmplz") == cached
    assert find_tool("build_binary") is None
    in_path = program(path, "lmplz")
    assert find_tool("lmplz") == in_path


def test_default_cache_is_in_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/ola")
    assert cache_folder().parent == Path("/home/ola/.cache/nordlyd")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo one >&2; echo 'Error: no memory' >&2; echo last >&2; exit 1", "Error: no memory"),
        ("echo one >&2; echo last >&2; exit 1", "last"),
        ("exit 3", "status 3"),
    ],
)
def test_failure_of_a_program_is_reported_with_its_own_message(
    tmp_path: Path, script: str, message: str
) -> None:
    failing = program(tmp_path, "lmplz", script)
    with pytest.raises(LanguageModelError) as caught:
        run_tool([failing, "-o", "3"])
    assert str(caught.value) == f"lmplz failed: {message}"


def test_progress_of_a_program_is_returned_and_its_folder_used(tmp_path: Path) -> None:
    working = program(tmp_path / "tools", "lmplz", "pwd >&2; echo result")
    assert run_tool([working], folder=tmp_path).strip() == os.path.realpath(tmp_path)


def test_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(LanguageModelError, match="lmplz cannot be run: No such file"):
        run_tool([tmp_path / "lmplz"])


@pytest.mark.usefixtures("path")
def test_build_without_a_compiler_names_the_one_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(LanguageModelError, match=r"compiler, and there is no g\+\+"):
        build_tools(tmp_path / "tools", notify=lines.append)
    monkeypatch.setenv("CXX", "clang++-99")
    with pytest.raises(LanguageModelError, match="there is no clang"):
        build_tools(tmp_path / "tools", notify=lines.append)
    assert lines == []
    assert not (tmp_path / "tools").exists()


def test_build_whose_download_fails_writes_no_program(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(path, "g++")
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    lines: list[str] = []
    name = Path(sys.executable).name
    with pytest.raises(LanguageModelError, match=f"{name} failed: ERROR: "):
        build_tools(tmp_path / "tools", notify=lines.append)
    assert lines == ["downloading the source of kenlm 0.3.0"]
    assert list((tmp_path / "tools").iterdir()) == []
