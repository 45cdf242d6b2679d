"""JSON that a stranger wrote in, its value out, whatever it does to the parser."""

import json
from typing import Any


def read_json(text: str | bytes) -> Any:  # noqa: ANN401 - JSON is of any type
    """Returns the value of a JSON text.

    Raises:
        ValueError: it is none, or nested deeper than can be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
