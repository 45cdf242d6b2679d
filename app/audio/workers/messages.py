"""What the service and its media workers say to each other: lines of JSON, with descriptors.

The service sends requests and permissions to grow; a worker answers with what it found. Nothing
that a worker sends is executed or unpickled: it has read bytes of strangers.
"""

import json
import math
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.audio.decode import Decoded
from app.audio.info import AudioInfo, TrackInfo
from app.audio.limits import AudioLimits
from app.audio.options import DecodeOptions
from app.audio.raw import RawFormat
from app.audio.recording import Statistics
from app.contract.answers import Notice
from app.errors import (
    AudioError,
    InvalidRequestError,
    NordlydError,
    TooLargeError,
    UnsupportedAudioError,
)

Message = dict[str, Any]

LARGEST_BYTES = 4 * 2**20
"""A longer message comes from no sound worker."""
_READ_BYTES = 2**16
_MAX_DESCRIPTORS = 4
_COUNT = "descriptors"
_ERRORS = {
    kind.__name__: kind
    for kind in (AudioError, UnsupportedAudioError, TooLargeError, InvalidRequestError)
}


class BrokenMessageError(Exception):
    """What came is no message."""


class Channel:
    """One end of a socket pair.

    Args:
        connection: a stream socket of this machine.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._received = b""
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        """The descriptor, for a selector."""
        return self.connection.fileno()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send one message.

        Raises:
            OSError: the other side is gone.
        """
        # Several messages may be read at once, and then the descriptors of all of them.
        data = json.dumps({**message, _COUNT: len(descriptors)}).encode() + b"\n"
        if descriptors:
            sent = socket.send_fds(self.connection, [data], list(descriptors))
            data = data[sent:]
        # Not of nothing: who has read everything may be gone already.
        if data:
            self.connection.sendall(data)

    def receive(self) -> tuple[Message, list[int]] | None:
        """Wait for one message and the descriptors with it; None where the other side is gone."""
        while (message := self._next()) is None:
            data, received, _, _ = socket.recv_fds(self.connection, _READ_BYTES, _MAX_DESCRIPTORS)
            if not data:
                return None
            self._descriptors += received
            self._received += data
        count = int(message.get(_COUNT, 0))
        taken, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return message, taken

    def available(self) -> tuple[list[Message], bool]:
        """Read once; returns whole messages, and whether the other side is still there.

        Raises:
            BrokenMessageError: what came is no message.
        """
        try:
            data = self.connection.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return [], True
        except OSError:
            data = b""
        self._received += data
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages, bool(data)

    def close(self) -> None:
        """Close the socket, and descriptors that came and were not taken."""
        self.connection.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()

    def _next(self) -> Message | None:
        line, end, rest = self._received.partition(b"\n")
        if len(line) > LARGEST_BYTES:
            raise BrokenMessageError("a message is too long")
        if not end:
            return None
        self._received = rest
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BrokenMessageError("a message is no JSON") from error
        if not isinstance(message, dict):
            raise BrokenMessageError("a message is no object")
        return message


def options_to_json(options: DecodeOptions) -> Message:
    """What `options_from_json` reads."""
    return asdict(options)


def options_from_json(value: Message) -> DecodeOptions:
    """The options that `options_to_json` wrote."""
    raw = value["raw"]
    return DecodeOptions(**{**value, "raw": None if raw is None else RawFormat(**raw)})


def limits_to_json(limits: AudioLimits) -> Message:
    """What `limits_from_json` reads."""
    return asdict(limits)


def limits_from_json(value: Message) -> AudioLimits:
    """The limits that `limits_to_json` wrote."""
    return AudioLimits(**value)


def decoded_to_json(decoded: Decoded) -> Message:
    """What `decoded_from_json` reads."""
    return asdict(decoded)


def decoded_from_json(value: Message) -> Decoded:
    """What was found out about a recording.

    Raises:
        BrokenMessageError: it is not of that form.
    """
    try:
        info = value["info"]
        if info is not None:
            tracks = tuple(TrackInfo(**track) for track in info["tracks"])
            info = AudioInfo(**{**info, "tracks": tracks})
        return Decoded(info, tuple(Notice(**notice) for notice in value["notices"]))
    except (KeyError, TypeError) as error:
        raise BrokenMessageError("a worker describes no recording") from error


def statistics_to_json(statistics: Statistics) -> Message:
    """What `statistics_from_json` reads."""
    return asdict(statistics)


def statistics_from_json(value: Message) -> Statistics:
    """The statistics of a recording.

    Raises:
        BrokenMessageError: they are none.
    """
    try:
        statistics = Statistics(**value)
        numbers = (statistics.mean, statistics.deviations, statistics.peak)
        sound = isinstance(statistics.count, int) and all(map(math.isfinite, numbers))
    except TypeError as error:
        raise BrokenMessageError("a worker sends no statistics") from error
    if not sound or statistics.count < 0:
        raise BrokenMessageError("a worker sends statistics that cannot be")
    return statistics


def error_to_json(error: NordlydError) -> Message:
    """What `error_from_json` reads."""
    kind = next((k.__name__ for k in type(error).__mro__ if k.__name__ in _ERRORS), "AudioError")
    return {"kind": kind, "message": error.message, "param": error.param}


def error_from_json(value: Message) -> NordlydError:
    """The refusal that a worker sent.

    Raises:
        BrokenMessageError: it is none.
    """
    try:
        return _ERRORS[value["kind"]](str(value["message"]), param=value["param"])
    except (KeyError, TypeError) as error:
        raise BrokenMessageError("a worker sends no error") from error
