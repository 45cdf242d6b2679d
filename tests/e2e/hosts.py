"""Network namespaces of this machine as hosts of their own, whose links can be cut. Needs root."""

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# Of the addresses for benchmarks between networks (RFC 2544): no real network has them.
_NETWORK = "198.18"
# CLONE_NEWNET of <sched.h>.
_NETWORK_NAMESPACE = 0x40000000


class Host:
    """A network namespace, with a link to this one.

    Args:
        number: from 0, within its network.
        network: its number.
    """

    def __init__(self, number: int, network: int) -> None:
        self.name = f"nordlyd-{network}-{number}"
        self.address = f"{_NETWORK}.{network}.{4 * number + 10}"
        self._link = f"nl{network}h{number}"
        gateway = f"{_NETWORK}.{network}.{4 * number + 9}"
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns",
             self.name)  # fmt: skip
        _run("ip", "address", "add", f"{gateway}/30", "dev", self._link)
        _run("ip", "link", "set", self._link, "up")
        self._inside("ip", "address", "add", f"{self.address}/30", "dev", "eth0")
        for device in ("lo", "eth0"):
            self._inside("ip", "link", "set", device, "up")
        self._inside("ip", "route", "add", "default", "via", gateway)

    def cut(self) -> None:
        """Cuts the link: the host gets no answer and no error any more."""
        _run("ip", "link", "set", self._link, "down")

    def restore(self) -> None:
        """Brings the link back."""
        _run("ip", "link", "set", self._link, "up")

    def remove(self) -> None:
        """Removes the host, once its processes have ended."""
        # Connections that were cut keep a namespace, and its link, for a while.
        _run("ip", "link", "delete", self._link)
        _run("ip", "netns", "delete", self.name)

    def _inside(self, *command: str) -> None:
        _run("ip", "netns", "exec", self.name, *command)


@contextmanager
def network(hosts: int) -> Iterator[tuple[str, Sequence[Host]]]:
    """Yields an address of this namespace, and hosts that reach it."""
    assert os.getuid() == 0, "network namespaces as hosts need root: run this test as root"
    number = os.getpid() % 200 + 1
    address = f"{_NETWORK}.{number}.1"
    _run("ip", "address", "add", f"{address}/32", "dev", "lo")
    made: list[Host] = []
    try:
        for each in range(hosts):
            made.append(Host(each, number))
        yield address, made
    finally:
        for host in made:
            host.remove()
        _run("ip", "address", "delete", f"{address}/32", "dev", "lo")


def enter(name: str) -> None:
    """Moves this process, which has one thread, to the host of a name."""
    with Path("/run/netns", name).open("rb") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _NETWORK_NAMESPACE):
            raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {name}")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
