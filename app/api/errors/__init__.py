"""Errors as HTTP answers: the native form, and those of other protocols on their own paths."""

from app.api.errors.handlers import describe_invalid, install_error_handlers
from app.api.errors.native import RouteError, error_detail, error_of_detail, internal_error
from app.api.errors.responses import error_response, render_error

__all__ = [
    "RouteError",
    "describe_invalid",
    "error_detail",
    "error_of_detail",
    "error_response",
    "install_error_handlers",
    "internal_error",
    "render_error",
]
