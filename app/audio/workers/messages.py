"""Messages between the service and its media workers: lines of JSON, with file descriptors.

The service sends requests and grants of room; a worker sends reports and answers. A worker has read
untrusted bytes, so nothing that it sends is executed or unpickled, and everything is checked.
"""

import json
import math
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.audio.info import AudioInfo, Decoded, TrackInfo
from app.audio.options import AudioLimits, DecodeOptions, RawFormat
from app.audio.statistics import Statistics
from app.contract.answers import Notice
from app.errors import (
    AudioError,
    InvalidRequestError,
    NordlydError,
    TooLargeError,
    UnsupportedAudioError,
)

Message = dict[str, Any]

MAX_BYTES = 4 * 2**20
"""The longest message; only a compromised worker sends more."""
_READ_BYTES = 2**16
_MAX_DESCRIPTORS = 4
_COUNT = "descriptors"
_ERRORS = {
    kind.__name__: kind
    for kind in (AudioError, UnsupportedAudioError, TooLargeError, InvalidRequestError)
}


class InvalidMessageError(Exception):
    """A message that is malformed or breaks the protocol."""


class Channel:
    """One end of a socket pair that carries messages.

    Args:
        connection: a stream socket of the Unix domain.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._received = b""
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        """The descriptor, for a selector."""
        return self.connection.fileno()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Sends one message.

        Raises:
            OSError: the other side has closed the socket.
        """
        # The count shows which descriptors belong to which of several messages that arrive at once.
        data = json.dumps({**message, _COUNT: len(descriptors)}).encode() + b"\n"
        if descriptors:
            sent = socket.send_fds(self.connection, [data], list(descriptors))
            data = data[sent:]
        # The receiver may end as soon as it has read everything: no empty send after that.
        if data:
            self.connection.sendall(data)

    def receive(self) -> tuple[Message, list[int]] | None:
        """Waits for one message and its descriptors; None once the socket is closed."""
        while (message := self._next()) is None:
            data, received, _, _ = socket.recv_fds(self.connection, _READ_BYTES, _MAX_DESCRIPTORS)
            if not data:
                return None
            self._descriptors += received
            self._received += data
        count = int(message.get(_COUNT, 0))
        taken, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return message, taken

    def read_available(self) -> tuple[list[Message], bool]:
        """Reads once; returns whole messages, and whether the socket is still open.

        Raises:
            InvalidMessageError: a message is malformed.
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
        """Closes the socket, and descriptors that arrived with no message."""
        self.connection.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()

    def _next(self) -> Message | None:
        line, end, rest = self._received.partition(b"\n")
        if len(line) > MAX_BYTES:
            raise InvalidMessageError("a message is too long")
        if not end:
            return None
        self._received = rest
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidMessageError("a message is not JSON") from error
        if not isinstance(message, dict):
            raise InvalidMessageError("a message is not a JSON object")
        return message


def options_to_json(options: DecodeOptions) -> Message:
    """Returns what `options_from_json` reads."""
    return asdict(options)


def options_from_json(value: Message) -> DecodeOptions:
    """Returns the options that `options_to_json` wrote."""
    raw = value["raw"]
    return DecodeOptions(**{**value, "raw": None if raw is None else RawFormat(**raw)})


def limits_to_json(limits: AudioLimits) -> Message:
    """Returns what `limits_from_json` reads."""
    return asdict(limits)


def limits_from_json(value: Message) -> AudioLimits:
    """Returns the limits that `limits_to_json` wrote."""
    return AudioLimits(**value)


def decoded_to_json(decoded: Decoded) -> Message:
    """Returns what `decoded_from_json` reads."""
    return asdict(decoded)


def decoded_from_json(value: Message) -> Decoded:
    """Returns what a worker reports about a recording.

    Raises:
        InvalidMessageError: it has another form.
    """
    try:
        info = value["info"]
        if info is not None:
            tracks = tuple(TrackInfo(**track) for track in info["tracks"])
            info = AudioInfo(**{**info, "tracks": tracks})
        return Decoded(info, tuple(Notice(**notice) for notice in value["notices"]))
    except (KeyError, TypeError) as error:
        raise InvalidMessageError("a worker sent no description of a recording") from error


def statistics_to_json(statistics: Statistics) -> Message:
    """Returns what `statistics_from_json` reads."""
    return asdict(statistics)


def statistics_from_json(value: Message) -> Statistics:
    """Returns the statistics of a recording.

    Raises:
        InvalidMessageError: they have another form, or are not finite.
    """
    try:
        statistics = Statistics(**value)
        numbers = (statistics.mean, statistics.deviations, statistics.peak)
        valid = isinstance(statistics.count, int) and all(map(math.isfinite, numbers))
    except TypeError as error:
        raise InvalidMessageError("a worker sent no statistics") from error
    if not valid or statistics.count < 0:
        raise InvalidMessageError("a worker sent statistics that are impossible")
    return statistics


def error_to_json(error: NordlydError) -> Message:
    """Returns what `error_from_json` reads."""
    kind = next((k.__name__ for k in type(error).__mro__ if k.__name__ in _ERRORS), "AudioError")
    return {"kind": kind, "message": error.message, "param": error.param}


def error_from_json(value: Message) -> NordlydError:
    """Returns the error that a worker sent.

    Raises:
        InvalidMessageError: it has another form.
    """
    try:
        return _ERRORS[value["kind"]](str(value["message"]), param=value["param"])
    except (KeyError, TypeError) as error:
        raise InvalidMessageError("a worker sent no error") from error
