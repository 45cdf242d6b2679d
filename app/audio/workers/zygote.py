"""A process that holds the decoders' libraries and forks media workers from itself.

`python -m app.audio.workers.zygote DESCRIPTOR`: it never reads a byte of a stranger, and ends, with
every worker, when the service does. A fork takes milliseconds where a start would take a second.
"""

import importlib
import os
import signal
import socket
import sys
from contextlib import suppress

from app.audio.workers.messages import Channel
from app.audio.workers.worker import serve


def main() -> None:
    """Fork workers until the service hangs up."""
    control = Channel(socket.socket(fileno=int(sys.argv[1])))
    received = control.receive()
    if received is None:
        return
    settings, _ = received
    # Ctrl-C in a terminal reaches this too; what runs is then ended by the service.
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
                _work(control, files[0], settings, handlers.HANDLERS)
            os.close(files[0])
            workers.add(pid)
            control.send({"forked": pid, "number": message["fork"]})
    except OSError:
        # The service is gone in the middle of a word.
        return
    finally:
        for pid in workers:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _work(control: Channel, file: int, settings: dict[str, int], handlers: dict) -> None:  # type: ignore[type-arg]
    """Be a worker; never returns."""
    status = 1
    try:
        control.close()
        # Decoders print what they think of a file.
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (1, 2):
            os.dup2(silent, stream)
        os.close(silent)
        channel = Channel(socket.socket(fileno=file))
        serve(channel, handlers, settings["memory"], settings["file_bytes"])
        status = 0
    except OSError:
        # The service hung up while it was being answered.
        status = 0
    finally:
        # Nothing of the zygote's is to be ended twice, and no more files are to be opened.
        os._exit(status)


if __name__ == "__main__":
    main()
