"""The interface between the command line and the service, which may not be installed.

The service's distribution, `nordlyd`, offers a module of this interface as an entry point of the
group `nordlyd.cli`. Without it the commands work against a server only.
"""

import io
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, cast

import typer

from nordlyd_client.cli.backends import (
    Backend,
    LiveBackend,
    open_remote_backend,
    open_remote_live_backend,
)
from nordlyd_client.errors import ConfigurationError
from nordlyd_client.live import Pcm

_GROUP = "nordlyd.cli"
_PURPOSE = "Transcribing on this machine"
_INSTEAD = ", or name a server: --server URL"


class Service(Protocol):
    """What the service adds to the command line; its modules are imported when they are used."""

    @property
    def REPORTED_ERRORS(self) -> type[Exception]:  # noqa: N802
        """The exceptions whose message is one line for the user."""

    @property
    def LIVE_PCM(self) -> Pcm:  # noqa: N802
        """The samples that `decode_live` returns."""

    def add_commands(self, app: typer.Typer, jobs: typer.Typer, speakers: typer.Typer) -> None:
        """Adds the commands of the machine that the service is on.

        Args:
            app: gets those such as `serve`.
            jobs: `nordlyd jobs`.
            speakers: `nordlyd speakers`.
        """

    def open_backend(self, options: Mapping[str, str]) -> AbstractAsyncContextManager[Backend]:
        """Opens a backend that transcribes and aligns on this machine.

        Args:
            options: the options of every request, by their names in the API.
        """

    def open_live_backend(
        self, options: Mapping[str, str]
    ) -> AbstractAsyncContextManager[LiveBackend]:
        """Opens a backend that transcribes live audio on this machine; as `open_backend`."""

    def decode_live(self, file: io.FileIO) -> Iterable[bytes]:
        """Decodes a container while more of it is being written.

        Raises:
            ClientError: the container cannot be decoded.
        """

    def is_recording(self, path: Path) -> bool:
        """Returns whether the content of a file is in an audio or video format."""

    def model_ids(self) -> list[str]:
        """Returns the ids of the catalogue."""

    def install_hint(self, error: ModuleNotFoundError) -> str | None:
        """Returns the line with the command to install the package that an import did not find."""


@cache
def find_service() -> Service | None:
    """Returns the service's part of the command line, or None where it is not installed."""
    for entry in entry_points(group=_GROUP):
        return cast("Service", entry.load())
    return None


def require_service(purpose: str, *, instead: str = "") -> Service:
    """Returns the service's part of the command line.

    Args:
        purpose: what needs it, as the beginning of a sentence.
        instead: how to do without it, as the end of the sentence.

    Raises:
        ConfigurationError: it is not installed.
    """
    service = find_service()
    if service is None:
        raise ConfigurationError(f"{purpose} needs the service: pip install nordlyd{instead}")
    return service


def open_backend(
    options: Mapping[str, str], *, server: str | None, key: str | None
) -> AbstractAsyncContextManager[Backend]:
    """Opens what transcribes and aligns recordings.

    Args:
        options: of every request, by their names in the API.
        server: address of a server; None works on this machine.
        key: one of the server's API keys.

    Raises:
        ConfigurationError: no server is named and the service is not installed.
    """
    if server is not None:
        return open_remote_backend(server, key, options)
    return require_service(_PURPOSE, instead=_INSTEAD).open_backend(options)


def open_live_backend(
    options: Mapping[str, str], *, server: str | None, key: str | None
) -> AbstractAsyncContextManager[LiveBackend]:
    """Opens what transcribes live audio; arguments and exceptions as `open_backend`."""
    if server is not None:
        return open_remote_live_backend(server, key, options)
    return require_service(_PURPOSE, instead=_INSTEAD).open_live_backend(options)
