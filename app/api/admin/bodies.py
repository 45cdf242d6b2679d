"""Reads the JSON bodies of /admin."""

from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from app.api.errors import describe_invalid
from app.errors import TooLargeError

_MAX_BYTES = 64 * 2**10
_Body = TypeVar("_Body", bound=BaseModel)


async def read_body(request: Request, kind: type[_Body]) -> _Body:
    """Returns the body of a request.

    Raises:
        InvalidRequestError: it is not JSON of that kind.
        TooLargeError: it is over 64 KiB.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise TooLargeError(f"The JSON is over {_MAX_BYTES} bytes.")
    try:
        return kind.model_validate_json(bytes(body))
    except ValidationError as error:
        issues = error.errors(include_url=False)
        raise describe_invalid(
            [{**issue, "loc": ("body", *issue["loc"])} for issue in issues]
        ) from None


def body_schema(kind: type[BaseModel]) -> dict[str, object]:
    """Returns the OpenAPI description of a JSON body that `read_body` reads."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": kind.model_json_schema()}},
        }
    }
