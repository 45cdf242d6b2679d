"""The query and form of an HTTP request in, the fields of its options out."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from app.errors import InvalidRequestError


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


def openapi_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The query parameters of an OpenAPI operation, from the fields of a model."""
    return [
        {"name": name, "in": "query", "required": False, "schema": schema,
         "description": schema.get("description", "")}
        for name, schema in model.model_json_schema()["properties"].items()
    ]  # fmt: skip
