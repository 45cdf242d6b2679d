"""Implementations of the beam search: columns of log-probabilities in, candidates out."""

from app.decoding.backends.choice import BackendName, available_backends, open_backend
from app.decoding.backends.types import Backend, Candidate

__all__ = ["Backend", "BackendName", "Candidate", "available_backends", "open_backend"]
