"""The OpenAPI page: its schemas are named by the titles of their models."""

from collections.abc import Callable
from typing import Any

_PREFIX = "#/components/schemas/"


def named_by_title(openapi: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Returns a replacement of `FastAPI.openapi` that names schemas by title, not by Python class.

    Clients are generated from these names, so they must stay when a class is renamed.

    Args:
        openapi: the application's own method, which keeps what it returns.
    """
    named: dict[str, Any] = {}

    def titled() -> dict[str, Any]:
        if not named:
            page = openapi()
            schemas = page["components"]["schemas"]
            titles = {name: schema.get("title", name) for name, schema in schemas.items()}
            renamed = {titles[name]: schema for name, schema in schemas.items()}
            components = page["components"] | {"schemas": dict(sorted(renamed.items()))}
            named.update(_with_references(page | {"components": components}, titles))
        return named

    return titled


def _with_references(part: Any, titles: dict[str, str]) -> Any:  # noqa: ANN401 - any JSON
    """Returns JSON whose references point to the titles."""
    if isinstance(part, list):
        return [_with_references(item, titles) for item in part]
    if not isinstance(part, dict):
        return part
    reference = part.get("$ref")
    if isinstance(reference, str) and reference.startswith(_PREFIX):
        name = reference.removeprefix(_PREFIX)
        return {**part, "$ref": _PREFIX + titles.get(name, name)}
    return {key: _with_references(value, titles) for key, value in part.items()}
