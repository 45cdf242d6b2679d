"""The field `metadata` of POST /jobs: the text of a JSON object in, the object out."""

import json

from app.contract.jobs import MAX_METADATA_BYTES, Metadata
from app.errors import InvalidRequestError
from app.untrusted import read_json


def parse_metadata(text: str | None) -> Metadata | None:
    """Returns the metadata of a request; None for none.

    Raises:
        InvalidRequestError: it is no JSON object, or longer than 4 KiB.
    """
    if text is None:
        return None
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_METADATA_BYTES:
        raise InvalidRequestError(
            f"metadata has {size} bytes; accepted: at most {MAX_METADATA_BYTES}.", param="metadata"
        )
    try:
        value = read_json(text)
        # What answers cannot repeat: NaN, and halves of characters.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidRequestError(
            'metadata is no JSON object; accepted: one such as {"case": "2026/118"}.',
            param="metadata",
        )
    return value
