"""What the service logs, kept from the screens of people who only run one command."""

from app.settings import Settings


def configure_quiet_logging(settings: Settings) -> None:
    """Log nothing but errors, unless debugging is asked for."""
    from app.logging import configure_logging  # noqa: PLC0415

    level = "debug" if settings.log_level == "debug" else "error"
    configure_logging(log_format=settings.log_format, level=level)
