"""Profiles this process with py-spy, which samples it from outside and slows it little."""

import asyncio
import ctypes
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

from app import extras
from app.errors import OverloadedError, ProfilerUnavailableError

ProfileFormat: TypeAlias = Literal["speedscope", "flamegraph", "raw"]

_PR_SET_PTRACER = 0x59616D61
# For py-spy to start and to write its file.
_EXTRA_SECONDS = 30.0
_MAX_REASON = 500


class Profiler:
    """Takes one profile at a time."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def record(self, seconds: int, kind: ProfileFormat) -> bytes:
        """Returns a profile of all threads of this process.

        Args:
            seconds: how long to sample.
            kind: speedscope's JSON, a flame graph as SVG, or folded stacks as text.

        Raises:
            ProfilerUnavailableError: py-spy is not installed, or may not read this process.
            OverloadedError: another profile is being taken.
        """
        program = _find()
        if self._lock.locked():
            raise OverloadedError("Another profile is being taken.", retry_after=float(seconds))
        async with self._lock:
            with tempfile.TemporaryDirectory(prefix="nordlyd-profile-") as folder:
                file = Path(folder) / "profile"
                await _run(program, seconds, kind, file)
                return await asyncio.to_thread(file.read_bytes)


def _find() -> str:
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which(
        "py-spy"
    )
    if program is None:
        missing = ModuleNotFoundError(name="py_spy")
        hint = extras.install_hint(missing, preferred="profile")
        raise ProfilerUnavailableError(f"This service cannot be profiled: {hint}.")
    return program


async def _run(program: str, seconds: int, kind: ProfileFormat, file: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        # Waits for a line, so that it can be permitted to trace this process before it does.
        *("sh", "-c", 'read -r _ && exec "$0" "$@"'),
        *(program, "record", "--pid", str(os.getpid()), "--duration", str(seconds)),
        *("--format", kind, "--output", str(file), "--nonblocking"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _permit_tracing(process.pid)
        async with asyncio.timeout(seconds + _EXTRA_SECONDS):
            _, output = await process.communicate(b"\n")
    except TimeoutError:
        raise ProfilerUnavailableError("py-spy did not end in time.") from None
    finally:
        _permit_tracing(0)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode:
        raise _failure(output.decode(errors="replace"))


def _failure(output: str) -> ProfilerUnavailableError:
    if "No stack counts" in output:
        return ProfilerUnavailableError(
            "There is nothing to show: no thread was busy. Take a profile while the service works."
        )
    reason = output.partition("Stack backtrace")[0].strip()[-_MAX_REASON:]
    hint = ""
    if any(word in output for word in ("Permission denied", "not permitted")):
        hint = " In a container this needs the capability SYS_PTRACE."
    return ProfilerUnavailableError(f"py-spy cannot read this process: {reason}.{hint}")


def _permit_tracing(pid: int) -> None:
    """Lets one process trace this one, which Yama forbids to a child otherwise; 0 for none."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(pid), 0, 0, 0)
