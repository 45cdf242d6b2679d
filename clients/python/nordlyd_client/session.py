"""The settings that both clients share, and the results of many files."""

from dataclasses import dataclass
from pathlib import Path

import httpx

from nordlyd_client.calls import Server
from nordlyd_client.retries import Retries
from nordlyd_client.values import Transcription

DEFAULT_TIMEOUT = 3600.0


@dataclass(frozen=True, slots=True)
class FileResult:
    """The result of one file of many: a transcription, or an error."""

    path: Path
    transcription: Transcription | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """The server, its timeouts and the retries."""

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
        """Fills in the defaults.

        Raises:
            InvalidRequestError: the address is not valid.
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
