"""The command `nordlyd`: transcribes by a server, and on this machine where the service is."""

import sys

_NEEDED = frozenset({"filelock", "praatio", "pympi", "rich", "typer"})


def main() -> None:
    """Runs the command line; ends the process with its exit status."""
    try:
        from nordlyd_client.cli.command import main as run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in _NEEDED:
            raise
        print(
            f"nordlyd: the package {error.name} is not installed; "
            "run: pip install 'nordlyd-client[cli]'",
            file=sys.stderr,
        )
        sys.exit(1)
    run()
