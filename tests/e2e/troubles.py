"""Finds unexpected errors in the log of a server."""

from pathlib import Path

_SIGNS = ('"level": "error"', "Traceback", "RuntimeWarning", "ResourceWarning", "was never ")


def troubles(log: Path) -> list[str]:
    """Lines of the log with an uncaught error or a leaked resource."""
    return [line for line in log.read_text().splitlines() if any(sign in line for sign in _SIGNS)]
