"""Where the work is to be done in, what does it out; the other half is not even imported."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from app.cli.listening import Listening
from app.cli.transcribing import Transcribing, Wanted
from app.settings import Settings

if TYPE_CHECKING:
    from app.catalogue import PullPlan


def open_work(
    settings: Settings,
    wanted: Wanted,
    *,
    server: str | None,
    key: str | None,
    report: "Callable[[PullPlan], None]",
) -> AbstractAsyncContextManager[Transcribing]:
    """What transcribes and aligns: a server where one is named, and this machine otherwise.

    Args:
        settings: of this machine.
        wanted: what is asked for every recording.
        server: its address.
        key: one of its keys.
        report: told what is about to be fetched from the hub, if anything is.
    """
    if server is not None:
        from app.cli.remote import on_a_server  # noqa: PLC0415

        return on_a_server(server, key, wanted)
    from app.cli.local import on_this_machine  # noqa: PLC0415

    return on_this_machine(settings, wanted, report)


def open_live_backend(
    settings: Settings,
    wanted: Wanted,
    *,
    server: str | None,
    key: str | None,
    report: "Callable[[PullPlan], None]",
) -> AbstractAsyncContextManager[Listening]:
    """What hears live sound; arguments as those of `open_work`."""
    if server is not None:
        from app.cli.remote import remote_backend  # noqa: PLC0415

        return remote_backend(server, key, wanted)
    from app.cli.local_live import by_this_machine  # noqa: PLC0415

    return by_this_machine(settings, wanted, report)
