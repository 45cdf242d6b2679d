"""The HTTP API: one thin router for each protocol, over the parts that `main` joins."""

from app.api.application import build_api
from app.api.state import AppState

__all__ = ["AppState", "build_api"]
