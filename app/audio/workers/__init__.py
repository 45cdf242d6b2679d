"""Decodes recordings in sandboxed processes; `MediaPool` is what the service uses."""

from app.audio.workers.pool import MediaPool, PoolOptions, shared_pool

__all__ = ["MediaPool", "PoolOptions", "shared_pool"]
