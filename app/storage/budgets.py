"""Budgets in bytes, for all callers together and for each of them.

One budget is for decoded audio in memory, one for files on disk. Threads share them.
"""

import threading
from collections import Counter

from app.errors import InsufficientStorageError, NordlydError, OverloadedError

_RETRY_SECONDS = 5.0


class ByteBudget:
    """Bounds the bytes that are kept, in all and for each caller.

    Args:
        total: bytes that may be kept at once.
        name: of what is kept, for messages.
        setting: the variable that sets `total`, for messages.
    """

    def __init__(self, total: float, *, name: str, setting: str) -> None:
        self.total = total
        # One caller can never keep all others out.
        self.share = total / 2
        self._name = name
        self._setting = setting
        self._used = 0
        self._background = 0
        self._by_caller: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes that are reserved now."""
        return self._used

    def reserve(self, caller: str, *, background: bool = False) -> "Reservation":
        """Returns a reservation of 0 bytes.

        Args:
            caller: whose it is; empty for this process, which has no share.
            background: whether it is for work in the background, which has one share in all.
        """
        return Reservation(self, caller, background=background)

    def fits(self, caller: str, size: int) -> bool:
        """Returns whether a caller could reserve so many bytes more now."""
        with self._lock:
            return self._refusal(Reservation(self, caller), size) is None

    def change(self, reservation: "Reservation", size: int) -> None:
        """Reserves so many bytes more for a reservation, or fewer where negative.

        Raises:
            OverloadedError: others, or the caller's other requests, have to end first.
            InsufficientStorageError: the whole budget is too small for it.
        """
        caller = reservation.caller
        with self._lock:
            if size > 0 and (refusal := self._refusal(reservation, size)) is not None:
                raise refusal
            self._used += size
            self._background += size * reservation.background
            self._by_caller[caller] += size
            if not self._by_caller[caller]:
                del self._by_caller[caller]

    def _refusal(self, reservation: "Reservation", size: int) -> NordlydError | None:
        megabytes = f"{self.total / 2**20:,.0f} MiB ({self._setting})"
        caller = reservation.caller
        own = self._by_caller[caller]
        if own + size > self.total:
            return InsufficientStorageError(
                f"{self._name} would take more than the {megabytes} that are kept for it."
            )
        if self._used + size > self.total:
            return OverloadedError(
                f"{self._name} of other requests takes up the {megabytes} that are kept for it.",
                retry_after=_RETRY_SECONDS,
            )
        # Alone, one may exceed its share; as soon as others have reserved bytes, it may not.
        if (
            reservation.background
            and self._background > reservation.size
            and self._background + size > self.share
        ):
            return OverloadedError(
                f"{self._name} in the background takes up its share, half of {megabytes}.",
                retry_after=_RETRY_SECONDS,
            )
        if caller and own + size > self.share and self._used > own:
            return OverloadedError(
                f"{self._name} of this caller takes up its share, half of {megabytes}.",
                retry_after=_RETRY_SECONDS,
            )
        return None


class Reservation:
    """The bytes of a budget that one piece of work has reserved.

    Args:
        budget: the budget.
        caller: whose share they are counted in.
        background: whether they are counted in the share of the background, too.
    """

    def __init__(self, budget: ByteBudget, caller: str, *, background: bool = False) -> None:
        self.budget = budget
        self.caller = caller
        self.background = background
        self.size = 0
        self._lock = threading.Lock()

    def resize(self, size: int) -> None:
        """Reserves so many bytes in all from now on.

        Raises:
            OverloadedError, InsufficientStorageError: as `ByteBudget.change`; the reservation
                stays as it was.
        """
        with self._lock:
            self.budget.change(self, size - self.size)
            self.size = size

    def release(self) -> None:
        """Reserves nothing any more."""
        self.resize(0)
