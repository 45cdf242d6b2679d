"""The query, form and headers of an HTTP request in, the fields of its options out."""

import math
from collections.abc import Iterable
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from app.errors import InvalidRequestError

TIMEOUT_HEADER = "x-request-timeout"


def gather(*sources: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join the fields of query and form; an empty value counts as not given.

    Raises:
        InvalidRequestError: a field is given twice.
    """
    fields: dict[str, str] = {}
    for source in sources:
        for name, value in source:
            if name in fields:
                raise InvalidRequestError(f"{name} is given twice.", param=name)
            if value.strip():
                fields[name] = value.strip()
    return fields


def deadline_of(request: Request, timeout: float | None = None) -> float | None:
    """The instant of `time.monotonic` after which a request's answer is of no use, or None.

    It is noted in `request.state.deadline`.

    Args:
        request: the header `x-request-timeout` counts where no timeout is given.
        timeout: seconds from the request's beginning.

    Raises:
        InvalidRequestError: the header is no number above 0.
    """
    seconds = timeout or _parse_timeout(request.headers.get(TIMEOUT_HEADER))
    started: float = request.state.started
    deadline = None if seconds is None else started + seconds
    # It holds for the body that is still to come, too.
    request.state.deadline = deadline
    return deadline


def _parse_timeout(header: str | None) -> float | None:
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise InvalidRequestError(
            f"{TIMEOUT_HEADER} is {header!r}; accepted: seconds above 0.", param=TIMEOUT_HEADER
        )
    return seconds


def openapi_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The query parameters of an OpenAPI operation, from the fields of a model."""
    return [
        {"name": name, "in": "query", "required": False, "schema": schema,
         "description": schema.get("description", "")}
        for name, schema in model.model_json_schema()["properties"].items()
    ]  # fmt: skip
