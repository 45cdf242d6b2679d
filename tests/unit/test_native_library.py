"""Compiled libraries that are absent, old, or failed to compile: a reason each, and no crash."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.acoustic.native.library import LIBRARY as KERNELS
from app.decoding.native.library import LIBRARY as DECODING
from app.native_library import NativeLibrary, source_stamp

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = {"_kernels": KERNELS, "_decoding": DECODING}


def copied(library: NativeLibrary, folder: Path) -> NativeLibrary:
    """The same library in another folder, with its sources and its object file."""
    shutil.copytree(library.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return NativeLibrary(folder, library.name, library.signatures, without="nothing works")


def reason_in_log(library: NativeLibrary) -> str:
    """Why it is not used, as the one warning gives it."""
    with capture_logs() as entries:
        assert library.load() is None
        assert library.load() is None
    assert [entry["log_level"] for entry in entries] == ["warning"]
    assert library.name in entries[0]["event"]
    assert entries[0]["reason"] == library.reason
    return str(entries[0]["reason"])


def test_library_compiled_in_this_checkout_is_used() -> None:
    assert DECODING.load() is not None
    assert DECODING.reason is None


@pytest.mark.parametrize("name", LIBRARIES)
def test_object_file_of_other_sources_is_refused(name: str, tmp_path: Path) -> None:
    library = copied(LIBRARIES[name], tmp_path / "copy")
    source = next((tmp_path / "copy").glob("*.c"))
    source.write_text(source.read_text("utf-8") + "/* newer */\n", encoding="utf-8")
    reason = reason_in_log(library)
    assert "compiled from other sources" in reason
    assert source_stamp(tmp_path / "copy") in reason


@pytest.mark.parametrize("name", LIBRARIES)
def test_object_file_that_lacks_a_function_is_refused(name: str, tmp_path: Path) -> None:
    """As in a wheel, where no sources lie beside it."""
    other = KERNELS if name == "_decoding" else DECODING
    (file,) = other.folder.glob(f"{other.name}.*so")
    shutil.copy(file, tmp_path / f"{name}.so")
    signatures = LIBRARIES[name].signatures
    reason = reason_in_log(NativeLibrary(tmp_path, name, signatures, without="nothing works"))
    assert "lacks" in reason
    assert all(function in reason for function in signatures)


def test_damaged_object_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_decoding.so").write_bytes(b"\x7fELF of no machine")
    library = NativeLibrary(tmp_path, "_decoding", {}, without="nothing works")
    assert "cannot be loaded" in reason_in_log(library)


def test_absent_object_file_gives_the_reason(tmp_path: Path) -> None:
    library = NativeLibrary(tmp_path, "_decoding", {}, without="nothing works")
    assert "was not compiled" in reason_in_log(library)


def test_object_file_of_this_python_is_preferred_to_a_stale_one(tmp_path: Path) -> None:
    library = copied(DECODING, tmp_path / "copy")
    (tmp_path / "copy" / "_decoding.cpython-0.so").write_bytes(b"old")
    assert library.load() is not None


def built(folder: Path, compiler: str) -> None:
    """A checkout with its libraries compiled in place by some compiler."""
    for part in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / part, folder / part)
    if not (folder / "app").exists():
        skipped = shutil.ignore_patterns("__pycache__", "*.so", "web")
        shutil.copytree(ROOT / "app", folder / "app", ignore=skipped)
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=folder, check=True, capture_output=True, env=os.environ | {"CC": compiler},
    )  # fmt: skip


def test_compile_that_failed_at_install_gives_the_compilers_reason(tmp_path: Path) -> None:
    built(tmp_path, "no-such-compiler")
    folder = tmp_path / DECODING.folder.relative_to(ROOT)
    again = NativeLibrary(folder, DECODING.name, DECODING.signatures, without="nothing works")
    assert "could not be compiled" in reason_in_log(again)
    assert "no-such-compiler" in str(again.reason)
