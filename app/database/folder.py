"""Makes the folder of everything that is kept."""

from pathlib import Path

from app.errors import ConfigurationError


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner can read; one that exists is left as it is.

    Raises:
        ConfigurationError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {folder} cannot be made: {error.strerror} (NORDLYD_DATA).",
            param="data",
        ) from error
