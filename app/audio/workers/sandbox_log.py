"""Logs which parts of the sandbox of the media workers this system has."""

import structlog


def log_sandbox(layers: tuple[str, ...]) -> None:
    """Logs which kernel mechanisms restrict the media workers."""
    missing = sorted({"landlock", "seccomp"} - set(layers))
    log = structlog.get_logger("nordlyd.media")
    write = log.warning if missing else log.info
    write("media workers are sandboxed", by=list(layers), missing=missing)
