"""The command `nordlyd`: arguments in, an exit status out."""

from app.cli.command import main

__all__ = ["main"]
