"""Parses JSON from clients and servers, however it was made."""

import json
from typing import Any


def read_json(text: str | bytes) -> Any:  # noqa: ANN401 - JSON is of any type
    """Returns the value of a JSON text.

    Raises:
        ValueError: it is not JSON, or it is nested too deeply for the parser.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
