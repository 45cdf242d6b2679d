"""Runs a command that may make the named system calls alone: filtered.py NAME,… COMMAND…

What systemd does for a unit with SystemCallFilter=, by the same library, where no systemd runs.
"""

import ctypes
import errno
import os
import sys

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_UNKNOWN = -1


def main(names: list[str], command: list[str]) -> None:
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
    ]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    filter_ = library.seccomp_init(_ERRNO | errno.EPERM)
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        # Names of other architectures are negative too, and can be added.
        if number != _UNKNOWN:
            library.seccomp_rule_add(filter_, _ALLOW, number, 0)
    if status := library.seccomp_load(filter_):
        raise OSError(-status, os.strerror(-status))
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1].split(","), sys.argv[2:])
