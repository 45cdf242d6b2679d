"""Implementations of the beam search, from columns of log-probabilities to candidates."""

from app.decoding.backends.choice import BackendName, available_backends, open_backend
from app.decoding.backends.types import Backend, Candidate

__all__ = ["Backend", "BackendName", "Candidate", "available_backends", "open_backend"]
