"""What one HTTP connection may take, from the settings."""

from dataclasses import dataclass
from typing import Self

from app.settings import Settings


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """The limits of one HTTP connection.

    Attributes:
        head_bytes: of a request's line and headers, and of anything else outside a body.
        head_seconds: from the first byte of a connection, or of a later request, to the body.
        idle_seconds: without a request, and without the client reading any of a response.
        body_seconds: the period over which a body must keep its minimum rate.
        body_rate: that rate, in bytes per second.
        prefix: of a proxy, before every path.
    """

    head_bytes: int
    head_seconds: float
    idle_seconds: float
    body_seconds: float
    body_rate: float
    prefix: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Returns the limits in the settings."""
        return cls(
            head_bytes=settings.max_header_kb * 2**10,
            head_seconds=settings.header_seconds,
            idle_seconds=settings.keep_alive_seconds,
            body_seconds=settings.upload_idle_seconds,
            body_rate=settings.upload_min_rate,
            prefix=settings.root_path,
        )
