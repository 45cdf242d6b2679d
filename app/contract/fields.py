"""The types that the fields of answers share: how numbers are written, and what is left out."""

from collections.abc import Callable
from typing import Annotated, TypeAlias

from pydantic import ConfigDict, Field, JsonValue, PlainSerializer


def _rounded(digits: int) -> Callable[[float], float]:
    return lambda value: round(value, digits)


Seconds: TypeAlias = Annotated[float, PlainSerializer(_rounded(3), return_type=float)]
"""A time or a length in seconds, written to the millisecond."""
StageSeconds: TypeAlias = Annotated[float, PlainSerializer(_rounded(4), return_type=float)]
"""How long something took, in seconds, written to a tenth of a millisecond."""
Score: TypeAlias = Annotated[float, PlainSerializer(_rounded(4), return_type=float)]
"""A natural-log score."""
Factor: TypeAlias = Annotated[float, PlainSerializer(_rounded(5), return_type=float)]
"""A ratio of two times."""
Confidence: TypeAlias = Annotated[
    float, PlainSerializer(_rounded(4), return_type=Annotated[float, Field(ge=0, le=1)])
]
"""A probability from 0 to 1."""

ON_REQUEST = Field(exclude_if=lambda value: value is None)
"""Leaves a field out of the JSON where it was not requested."""


def schema_config(title: str, *examples: JsonValue) -> ConfigDict:
    """Returns the configuration of a value: its title on the OpenAPI page, and its examples."""
    return ConfigDict(
        title=title,
        use_attribute_docstrings=True,
        json_schema_extra={"examples": list(examples)} if examples else None,
    )
