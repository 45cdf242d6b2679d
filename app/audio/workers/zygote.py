"""The zygote: a process that has loaded the decoders' libraries and forks media workers.

`python -m app.audio.workers.zygote DESCRIPTOR`: it never reads untrusted bytes, and ends, with
every worker, when the service does. A fork takes milliseconds, a fresh start a second.
"""

import importlib
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import NoReturn

from app.audio.workers.messages import Channel
from app.audio.workers.worker import Handler, serve


def main() -> None:
    """Forks and reaps workers until the service closes the socket."""
    control = Channel(socket.socket(fileno=int(sys.argv[1])))
    received = control.receive()
    if received is None:
        return
    settings, _ = received
    # Ctrl-C in a terminal reaches this process too; the service decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    handlers = importlib.import_module(settings["handlers"])
    handlers.warm_up()
    workers: set[int] = set()
    try:
        control.send({"ready": True})
        while (received := control.receive()) is not None:
            message, files = received
            if "reap" in message:
                pid = int(message["reap"])
                _, status = os.waitpid(pid, 0)
                workers.discard(pid)
                control.send({"reaped": pid, "status": os.waitstatus_to_exitcode(status)})
                continue
            pid = os.fork()
            if not pid:
                _run_worker(control, files[0], settings, handlers.HANDLERS)
            os.close(files[0])
            workers.add(pid)
            control.send({"forked": pid, "number": message["fork"]})
    except OSError:
        # The service has ended while a message was being sent.
        return
    finally:
        for pid in workers:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _run_worker(
    control: Channel, file: int, settings: dict[str, int], handlers: dict[str, Handler]
) -> NoReturn:
    """Serves as a worker, then ends the process."""
    status = 1
    try:
        # Also closes descriptors meant for the next worker: open here, they would hide its end.
        control.close()
        # Decoders print warnings about files.
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (1, 2):
            os.dup2(silent, stream)
        os.close(silent)
        channel = Channel(socket.socket(fileno=file))
        serve(channel, handlers, settings["memory"], settings["file_bytes"])
        status = 0
    except OSError:
        # The service closed the socket during an answer.
        status = 0
    finally:
        # Without the zygote's exit handlers, which are not this process's to run.
        os._exit(status)


if __name__ == "__main__":
    main()
