"""A TCP proxy whose connections can be cut after a number of bytes."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class ProxyState:
    """Connections through it; `cut_after` is how many bytes the next one may send, None for all."""

    port: int = 0
    cut_after: int | None = None
    sent: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the server through the proxy."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def cutting_proxy(server: str) -> Iterator[ProxyState]:
    """Forwards connections to a server's address until the block ends."""
    host, port = server.removeprefix("http://").split(":")
    proxy = ProxyState()
    threads: list[threading.Thread] = []

    def forward(client: socket.socket) -> None:
        most, proxy.cut_after = proxy.cut_after, None
        number = len(proxy.sent)
        proxy.sent.append(0)
        with client, socket.create_connection((host, int(port))) as upstream:
            back = threading.Thread(target=_copy, args=(upstream, client))
            back.start()
            with suppress(OSError):
                while data := client.recv(65_536):
                    if most is not None:
                        data = data[: most - proxy.sent[number]]
                    upstream.sendall(data)
                    proxy.sent[number] += len(data)
                    if proxy.sent[number] == most:
                        break
            for end in (client, upstream):
                # A reset, as when a network is gone, instead of an orderly end.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=forward, args=(listener.accept()[0],)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.port = listener.getsockname()[1]
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
