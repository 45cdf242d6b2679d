"""The text of a key: `nl_<id>_<secret>`, made here and taken apart here."""

import hashlib
import re
import secrets
from dataclasses import dataclass

_ID_BYTES = 6
_SECRET_BYTES = 32
_FORM = re.compile(rb"nl_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class KeyToken:
    """A key taken apart: the id by which its record is found, and the secret that proves it."""

    id: str
    secret: bytes

    @property
    def text(self) -> str:
        """What a client presents."""
        return f"nl_{self.id}_{self.secret.decode()}"

    @property
    def digest(self) -> bytes:
        """What is stored of the secret.

        A plain SHA-256: slow hashes make it expensive to guess passwords, and 256 random bits
        cannot be guessed at any speed.
        """
        return hashlib.sha256(self.secret).digest()


def new_token() -> KeyToken:
    """Returns a new random key."""
    secret = secrets.token_urlsafe(_SECRET_BYTES).encode()
    return KeyToken(secrets.token_hex(_ID_BYTES), secret)


def parse_token(presented: bytes) -> KeyToken | None:
    """Returns a presented key taken apart; None where it is not of this form."""
    found = _FORM.fullmatch(presented)
    return None if found is None else KeyToken(found[1].decode(), found[2])
