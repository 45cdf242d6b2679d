"""What both clients are made with, and the results of many files."""

from dataclasses import dataclass
from pathlib import Path

import httpx

from nordlyd_client.calls import Server
from nordlyd_client.retries import Retries
from nordlyd_client.values import Transcription

DEFAULT_TIMEOUT = 3600.0


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file of many: a transcription, or why there is none."""

    path: Path
    transcription: Transcription | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Where to, how patiently, and how often."""

    server: Server
    retries: Retries
    timeouts: httpx.Timeout

    @classmethod
    def of(
        cls,
        base_url: str | None,
        api_key: str | None,
        timeout: float,
        connect_timeout: float,
        retries: Retries | None,
    ) -> "Session":
        """Fill in what is not given.

        Raises:
            InvalidRequestError: the address is none.
        """
        return cls(
            Server.of(base_url, api_key),
            retries or Retries(),
            httpx.Timeout(timeout, connect=connect_timeout, pool=None),
        )

    @property
    def headers(self) -> dict[bytes, bytes]:
        """In bytes, since a key may hold any letters."""
        return {name.encode(): value.encode() for name, value in self.server.headers.items()}
