"""Columns of log-probabilities in, scored candidates out: the libraries that search the beam."""

from app.decoding.backends.choice import BackendName, available_backends, open_backend
from app.decoding.backends.types import Backend, Candidate, Search

__all__ = ["Backend", "BackendName", "Candidate", "Search", "available_backends", "open_backend"]
