"""The parts of the OpenAPI page that several routes share, and the names of its schemas."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from app.contract.errors import ErrorBody
from app.formats import FORMATS, describe

BINARY = {"type": "string", "format": "binary"}
HEADERS = {
    "x-request-id": {"description": "The request's id.", "schema": {"type": "string"}},
    "x-queue-time": {"description": "Waited, in ms.", "schema": {"type": "integer"}},
    "x-compute-time": {"description": "Computed, in ms.", "schema": {"type": "integer"}},
    "x-nordlyd-warnings": {
        "description": "Codes of the answer's warnings, where there are any.",
        "schema": {"type": "string"},
    },
    "content-disposition": {
        "description": "A name to save the answer under.",
        "schema": {"type": "string"},
    },
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": description}
    for status, description in {
        400: "A parameter or the form is wrong.",
        401: "No API key, or a wrong one.",
        403: "The API key does not have the scope for this.",
        404: "No such model is loaded, or none for that language.",
        413: "The upload or the audio is over the limit.",
        415: "The bytes are in no accepted format.",
        422: "The audio is empty, truncated or holds no audio track.",
        429: "The queue, or the space for audio, is full; Retry-After gives the time of a retry.",
        503: "Loading, draining, or the device does not answer.",
        504: "The request's own deadline passed.",
        507: "The disk has no room for the recording.",
    }.items()
}
FORMATTED: dict[str, Any] = {
    describe(name).media_type.partition(";")[0]: {
        "schema": BINARY if describe(name).binary else {"type": "string"}
    }
    for name in FORMATS
    if name != "json"
}
"""The media types of an answer besides JSON."""

_PREFIX = "#/components/schemas/"


def openapi_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Returns the query parameters of an OpenAPI operation, from the fields of a model."""
    return [
        {"name": name, "in": "query", "required": False, "schema": schema,
         "description": schema.get("description", "")}
        for name, schema in model.model_json_schema()["properties"].items()
    ]  # fmt: skip


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
            assert len(renamed) == len(schemas), "two schemas have the same title"
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
