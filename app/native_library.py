"""Loads the compiled libraries, or reports why one cannot be loaded.

Each library is compiled when the package is installed, from the C files of one folder, and carries
a stamp of those files. setup.py imports this file by its path, so it needs the standard library
alone at import.
"""

import ctypes
import hashlib
import os
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

Signature = tuple[Any, tuple[Any, ...]]
"""The ctypes of a function's result, None for void, and of its arguments: `app.native_header`."""

FAILURE_SUFFIX = ".failed"
"""Suffix of the file beside the sources that holds the reason why they were not compiled."""

_SOURCES = {".c", ".h"}


class NativeLibraryError(Exception):
    """The library cannot be used; the message is the reason, in one line."""


class NativeLibrary:
    """One compiled library, loaded when it is first needed.

    Args:
        folder: of the C sources, where the object file is.
        name: of the object file up to its first dot.
        signatures: of every function that is called.
        without: what happens without it, for the warning.
        prepare: is called before the object file is loaded; may raise OSError.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        signatures: Mapping[str, Signature],
        *,
        without: str,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self.folder = folder
        self.name = name
        self.signatures = signatures
        self._without = without
        self._prepare = prepare
        self._lock = Lock()
        self._tried = False
        self._library: ctypes.CDLL | None = None
        self._reason: str | None = None

    def load(self) -> ctypes.CDLL | None:
        """Returns the library, or None with one warning in the log that gives the reason."""
        with self._lock:
            if not self._tried:
                try:
                    self._library = open_library(
                        self.folder, self.name, self.signatures, self._prepare
                    )
                except NativeLibraryError as error:
                    self._reason = str(error)
                    self._warn()
                self._tried = True
        return self._library

    @property
    def reason(self) -> str | None:
        """Why the library is not used; None where it is."""
        self.load()
        return self._reason

    def _warn(self) -> None:
        # Not at the top: setup.py imports this file without it.
        import structlog  # noqa: PLC0415

        structlog.get_logger("nordlyd.native").warning(
            f"the compiled library {self.name} is not used; {self._without}",
            reason=self._reason,
        )


def open_library(
    folder: Path,
    name: str,
    signatures: Mapping[str, Signature],
    prepare: Callable[[], None] | None = None,
) -> ctypes.CDLL:
    """Loads the object file `<folder>/<name>.*.so` and declares its functions.

    Where several Pythons share a checkout there are several; the one of this Python goes first.

    Raises:
        NativeLibraryError: it was not compiled, is from other sources than those that are there,
            lacks a function, or is for another machine.
    """
    own = name + (sysconfig.get_config_var("EXT_SUFFIX") or ".so")
    files = sorted(folder.glob(f"{name}.*so"), key=lambda path: (path.name != own, path.name))
    if not files:
        raise NativeLibraryError(_not_compiled(folder, name))
    reasons: list[str] = []
    for path in files:
        try:
            return _open(path, signatures, prepare)
        except NativeLibraryError as error:
            reasons.append(str(error))
    raise NativeLibraryError(reasons[0])


def source_stamp(folder: Path) -> str:
    """Returns the stamp of a folder's C sources and headers; empty where there are no sources."""
    digest = hashlib.sha256()
    sources = sorted(path for path in folder.rglob("*") if path.suffix in _SOURCES)
    if not any(path.suffix == ".c" for path in sources):
        return ""
    for path in sources:
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _open(
    path: Path, signatures: Mapping[str, Signature], prepare: Callable[[], None] | None
) -> ctypes.CDLL:
    try:
        if prepare is not None:
            prepare()
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise NativeLibraryError(f"{path.name} cannot be loaded: {error}") from error
    # Without sources beside it, as in a wheel, the object file was installed with this module.
    expected = source_stamp(path.parent)
    found = _stamp_of(library)
    if expected and found != expected:
        raise NativeLibraryError(
            f"{path.name} was compiled from other sources (stamp {found or 'missing'}, the sources "
            f"have {expected}); install again to compile them: pip install -e ."
        )
    missing = [name for name in signatures if not hasattr(library, name)]
    if missing:
        raise NativeLibraryError(
            f"{path.name} is of another version, it lacks {', '.join(missing)}; install again"
        )
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _stamp_of(library: ctypes.CDLL) -> str:
    try:
        first = ctypes.c_char.in_dll(library, "nordlyd_abi")
    except ValueError:
        return ""
    return ctypes.string_at(ctypes.addressof(first)).decode(errors="replace")


def _not_compiled(folder: Path, name: str) -> str:
    record = folder / f"{name}{FAILURE_SUFFIX}"
    try:
        why = record.read_text(encoding="utf-8").strip()
    except OSError:
        if os.name != "posix":
            return f"{name} is compiled on Linux and macOS only"
        return f"{name} was not compiled when this was installed"
    return f"{name} could not be compiled when this was installed: {why}"
