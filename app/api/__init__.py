"""HTTP in, JSON out: one thin router a protocol, over the parts that `main` joins."""

from app.api.application import build_api
from app.api.parts import Parts

__all__ = ["Parts", "build_api"]
