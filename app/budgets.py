"""Bytes in, permission to keep them out: what all callers together may hold, and what one may.

One budget is for decoded audio in memory, one for files on disk. Threads share them.
"""

import threading
from collections import Counter

from app.errors import InsufficientStorageError, NordlydError, OverloadedError

_RETRY_SECONDS = 5.0


class ByteBudget:
    """Bounds what is kept, in all and for each caller.

    Args:
        total: bytes that may be held at once.
        name: of what is held, for messages.
        setting: the variable that sets `total`, for messages.
    """

    def __init__(self, total: float, *, name: str, setting: str) -> None:
        self.total = total
        # One caller can never keep all others out.
        self.share = total / 2
        self._name = name
        self._setting = setting
        self._used = 0
        self._by_caller: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes that are held now."""
        return self._used

    def hold(self, caller: str) -> "Hold":
        """Begin to hold for a caller; empty for this process itself, which has no share."""
        return Hold(self, caller)

    def fits(self, caller: str, size: int) -> bool:
        """Whether that much could be held now."""
        with self._lock:
            return self._refusal(caller, size) is None

    def change(self, caller: str, size: int) -> None:
        """Hold so many bytes more, or less.

        Raises:
            OverloadedError: others, or the caller's other requests, have to end first.
            InsufficientStorageError: it is more than there may be at all.
        """
        with self._lock:
            if size > 0 and (refusal := self._refusal(caller, size)) is not None:
                raise refusal
            self._used += size
            self._by_caller[caller] += size
            if not self._by_caller[caller]:
                del self._by_caller[caller]

    def _refusal(self, caller: str, size: int) -> NordlydError | None:
        megabytes = f"{self.total / 2**20:,.0f} MiB ({self._setting})"
        held = self._by_caller[caller]
        if held + size > self.total:
            return InsufficientStorageError(
                f"{self._name} would take more than the {megabytes} that are kept for it."
            )
        if self._used + size > self.total:
            return OverloadedError(
                f"{self._name} of other requests takes up the {megabytes} that are kept for it.",
                retry_after=_RETRY_SECONDS,
            )
        # Alone, a caller may go beyond its share; as soon as others hold something, it may not.
        others = self._used > held
        if caller and held + size > self.share and others:
            return OverloadedError(
                f"{self._name} of this caller takes up its share, half of {megabytes}.",
                retry_after=_RETRY_SECONDS,
            )
        return None


class Hold:
    """What one piece of work holds of a budget.

    Args:
        budget: of which.
        caller: for whom.
    """

    def __init__(self, budget: ByteBudget, caller: str) -> None:
        self.budget = budget
        self.caller = caller
        self.size = 0
        self._lock = threading.Lock()

    def resize(self, size: int) -> None:
        """Hold so many bytes from now on.

        Raises:
            OverloadedError, InsufficientStorageError: as `ByteBudget.change`; as much is held as
                before.
        """
        with self._lock:
            self.budget.change(self.caller, size - self.size)
            self.size = size

    def release(self) -> None:
        """Hold nothing."""
        self.resize(0)
