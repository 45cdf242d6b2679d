"""The errors and headers of /jobs as the OpenAPI page lists them."""

from typing import Any

from app.api.openapi import ERRORS
from app.contract.errors import ErrorBody

ETAG = {
    "description": "Changes with each correction of the result.",
    "schema": {"type": "string"},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    401: ERRORS[401],
    403: ERRORS[403],
    404: {"model": ErrorBody, "description": "The caller has no such job, or not any more."},
    503: {"model": ErrorBody, "description": "The jobs cannot be reached."},
}
"""The errors of every request for one job."""
READ = NOT_FOUND | {400: ERRORS[400]}
"""The same with a parameter that may be wrong."""
SUBMIT: dict[int | str, dict[str, Any]] = {
    **{status: ERRORS[status] for status in (400, 401, 403, 404, 413, 415, 429, 503, 504, 507)},
    422: {
        "model": ErrorBody,
        "description": "The audio is empty, or the `Idempotency-Key` was used with another "
        "request.",
    },
}
