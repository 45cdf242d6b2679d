"""Signs webhooks as Standard Webhooks describes it (https://www.standardwebhooks.com)."""

import base64
import os
import secrets
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog
from standardwebhooks.webhooks import Webhook

from app.database.folder import make_private_folder
from app.errors import ConfigurationError
from app.settings.jobs import JobSettings

FILE = "webhook-secret"
"""In the data folder, where no setting has the secret."""

_PREFIX = "whsec_"
_MIN_BYTES, _MAX_BYTES = 24, 64
_NEW_BYTES = 32

_log = structlog.get_logger("nordlyd.jobs")


def check_secret(secret: str) -> str:
    """Returns a secret that can sign webhooks.

    Raises:
        ValueError: it cannot; the message does not contain it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(_PREFIX) or not _MIN_BYTES <= len(key) <= _MAX_BYTES:
        raise ValueError(
            f"accepted: {_PREFIX} and then {_MIN_BYTES} to {_MAX_BYTES} bytes in base64, such as "
            f'the output of: echo "{_PREFIX}$(openssl rand -base64 {_NEW_BYTES})"'
        )
    return secret


def load_secret(folder: Path) -> str:
    """Returns the secret of a data folder, which is made where there is none.

    Raises:
        ConfigurationError: it cannot be read, made or used.
    """
    file = folder / FILE
    try:
        if not file.exists():
            make_private_folder(folder)
            _make_secret(file)
            _log.info("webhooks are signed by a new secret", file=str(file))
        return check_secret(file.read_text(encoding="ascii").strip())
    except OSError as error:
        raise ConfigurationError(
            f"The secret of webhooks {file} cannot be used: {error.strerror} (NORDLYD_DATA).",
            param="data",
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            f"The secret of webhooks in {file} is not valid; {error}.", param="data"
        ) from error


def secret_source(settings: JobSettings) -> Callable[[], str]:
    """Returns what returns the secret: that of the settings, or else that of the data folder.

    Raises:
        ConfigurationError: that of the settings cannot sign webhooks.
    """
    if settings.webhook_secret is None:
        return partial(load_secret, settings.data)
    try:
        secret = check_secret(settings.webhook_secret.get_secret_value())
    except ValueError as error:
        raise ConfigurationError(
            f"NORDLYD_WEBHOOK_SECRET cannot sign webhooks; {error}.", param="webhook_secret"
        ) from None
    return lambda: secret


class Signer:
    """Signs messages.

    Args:
        secret: `whsec_` and the key in base64.
    """

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)

    def headers(self, message_id: str, body: bytes) -> dict[str, str]:
        """Returns the headers of one attempt.

        Args:
            message_id: the same for every attempt.
            body: as it is sent, in UTF-8.
        """
        now = datetime.now(UTC)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(message_id, now, body.decode()),
        }


def _make_secret(file: Path) -> None:
    """Makes the file whole or not at all; of two processes, the first one's stays."""
    secret = _PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode()
    number, name = tempfile.mkstemp(dir=file.parent, prefix=f".{FILE}.")
    new = Path(name)
    try:
        with os.fdopen(number, "w") as opened:
            opened.write(f"{secret}\n")
            opened.flush()
            os.fsync(number)
        try:
            os.link(new, file)
        except FileExistsError:
            return
    finally:
        new.unlink()
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
