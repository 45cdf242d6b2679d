"""Reads the options of an HTTP request from its query and form."""

from collections.abc import Iterable

from app.errors import InvalidRequestError


def gather(*sources: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Returns the fields of query and form together; an empty value counts as not given.

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
