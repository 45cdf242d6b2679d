"""The sandbox of a media worker: restrictions that the kernel enforces.

rlimits work everywhere. Landlock (no file or address can be opened) and seccomp (an allow-list of
system calls) are used where the Linux kernel has them. The worker restricts itself before it reads
untrusted bytes; a restriction cannot be lifted again.
"""

import ctypes
import errno
import os
import platform
import re
import resource
import signal
import struct
import sys
from pathlib import Path

from app.audio.workers.syscalls import ALLOWED, AUDIT_ARCHITECTURES, Calls

_DESCRIPTORS = 64
# Room for stacks and arenas that are reserved and not used.
_ADDRESS_SPACE_SLACK = 2**30

_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 15, 22, 38
_SECCOMP_MODE_FILTER = 2
# linux/landlock.h; the numbers are the same on every architecture.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
# Bits of handled_access_fs that each version of the interface knows.
_LANDLOCK_FS_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_LANDLOCK_NET_BITS, _LANDLOCK_NET_SINCE = 2, 4
_LANDLOCK_SCOPE_BITS, _LANDLOCK_SCOPE_SINCE = 2, 6

# linux/bpf_common.h and linux/seccomp.h.
_LOAD, _JUMP_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_RETURN_ALLOW, _RETURN_ERRNO, _RETURN_KILL = 0x7FFF0000, 0x00050000, 0x80000000
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_FIRST_ARGUMENT = 0, 4, 16
_CLONE_THREAD = 0x00010000


def die_with_parent() -> None:
    """Has the kernel kill this process when its parent ends."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def enter_sandbox(memory_bytes: int, file_bytes: int) -> list[str]:
    """Restricts this process to what decoding needs.

    Args:
        memory_bytes: memory that the process may take beyond what it has now.
        file_bytes: the largest file that it may write.

    Returns:
        The mechanisms that are in force, of `rlimits`, `landlock` and `seccomp`.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_NOFILE, _DESCRIPTORS)
    if sys.platform == "linux":
        now = _memory()
        _limit(resource.RLIMIT_DATA, now["VmData"] + memory_bytes)
        _limit(resource.RLIMIT_AS, now["VmSize"] + memory_bytes + _ADDRESS_SPACE_SLACK)
    layers = ["rlimits"]
    if sys.platform != "linux" or _prctl(_PR_SET_NO_NEW_PRIVS, 1) != 0:
        return layers
    if _landlock():
        layers.append("landlock")
    if _seccomp():
        layers.append("seccomp")
    else:
        # Without seccomp, no threads either: decoders may use them, but processes are worse.
        _limit(resource.RLIMIT_NPROC, 0)
    return layers


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _memory() -> dict[str, int]:
    """Sizes of this process in bytes, by their names in /proc/self/status."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = dict(re.findall(r"^(Vm\w+):\s+(\d+) kB$", status, re.MULTILINE))
    return {name: 1024 * int(value) for name, value in found.items()}


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int, address: int = 0) -> int:
    word = ctypes.c_ulong
    return int(_libc().prctl(option, word(value), word(address), word(0), word(0)))


def _landlock() -> bool:
    """Forbids to open paths, to use TCP and to signal others; True where the kernel does so."""
    syscall = _libc().syscall
    syscall.restype = ctypes.c_long
    version = syscall(
        ctypes.c_long(_LANDLOCK_CREATE_RULESET), None, ctypes.c_size_t(0),
        ctypes.c_uint(_LANDLOCK_CREATE_RULESET_VERSION),
    )  # fmt: skip
    if version < 1:
        return False
    fs = (1 << _LANDLOCK_FS_BITS[min(version, max(_LANDLOCK_FS_BITS))]) - 1
    rules = struct.pack("=Q", fs)
    if version >= _LANDLOCK_NET_SINCE:
        rules += struct.pack("=Q", (1 << _LANDLOCK_NET_BITS) - 1)
    if version >= _LANDLOCK_SCOPE_SINCE:
        rules += struct.pack("=Q", (1 << _LANDLOCK_SCOPE_BITS) - 1)
    ruleset = syscall(
        ctypes.c_long(_LANDLOCK_CREATE_RULESET), rules, ctypes.c_size_t(len(rules)),
        ctypes.c_uint(0),
    )  # fmt: skip
    if ruleset < 0:
        return False
    try:
        restrict = ctypes.c_long(_LANDLOCK_RESTRICT_SELF)
        return bool(syscall(restrict, ctypes.c_int(ruleset), ctypes.c_uint(0)) == 0)
    finally:
        os.close(ruleset)


def _seccomp() -> bool:
    """Allows a list of system calls; others fail with EPERM. True where the kernel does so."""
    machine = platform.machine()
    if machine not in ALLOWED:
        return False
    program = _filter(ALLOWED[machine], AUDIT_ARCHITECTURES[machine], os.getpid())
    # struct sock_fprog: the count, padding, and where the instructions are.
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    address = ctypes.create_string_buffer(header)
    done = _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(address))
    return done == 0


def _filter(calls: Calls, architecture: int, process: int) -> bytes:
    """The program that the kernel runs for each system call (classic BPF)."""

    def step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
        return struct.pack("=HBBI", code, then, otherwise, value)

    def only(number: int, test: bytes) -> bytes:
        """Allows a call whose first argument passes the test, which skips one step if not."""
        return (
            step(_JUMP_EQUAL, number, 0, 4)
            + step(_LOAD, _OFFSET_FIRST_ARGUMENT)
            + test
            + step(_RETURN, _RETURN_ALLOW)
            + step(_RETURN, _RETURN_ERRNO | errno.EPERM)
        )

    program = step(_LOAD, _OFFSET_ARCHITECTURE)
    program += step(_JUMP_EQUAL, architecture, 1, 0)
    program += step(_RETURN, _RETURN_KILL)
    program += step(_LOAD, _OFFSET_NUMBER)
    # Threads, but no processes. Only clone has its flags in a register; the C library falls back
    # to it where clone3 is missing.
    program += only(calls.clone, step(_JUMP_SET, _CLONE_THREAD, 0, 1))
    program += step(_JUMP_EQUAL, calls.clone3, 0, 1)
    program += step(_RETURN, _RETURN_ERRNO | errno.ENOSYS)
    # abort() signals the process itself; decoders name their threads.
    program += only(calls.tgkill, step(_JUMP_EQUAL, process, 0, 1))
    program += only(calls.prctl, step(_JUMP_EQUAL, _PR_SET_NAME, 0, 1))
    for number in calls.always:
        program += step(_JUMP_EQUAL, number, 0, 1)
        program += step(_RETURN, _RETURN_ALLOW)
    return program + step(_RETURN, _RETURN_ERRNO | errno.EPERM)
