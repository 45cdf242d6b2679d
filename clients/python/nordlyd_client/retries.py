"""When a failed call is tried again, and after how long."""

import random
from dataclasses import dataclass

from nordlyd_client.errors import BusyError, ClientError, UnreachableError

# So that clients that were refused together do not all return together.
_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Retries:
    """When a call is tried again: a busy server (429, 503), or none that answers.

    A transcription changes nothing on the server, so trying again is always safe.

    Args:
        attempts: how often a call is tried in all; 1 never tries again.
        first_wait: seconds before the second attempt, doubled each time, where the server sends
            no `Retry-After`.
        longest_wait: seconds; a longer `Retry-After` ends the attempts.
    """

    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 120.0

    def wait(self, attempt: int, error: ClientError) -> float | None:
        """Returns the seconds until the next attempt; None where there is none.

        Args:
            attempt: the one that failed, from 1 on.
            error: why it failed.
        """
        if attempt >= self.attempts or not isinstance(error, BusyError | UnreachableError):
            return None
        if error.retry_after is None:
            seconds = self.first_wait * 2.0 ** (attempt - 1)
            return min(seconds * random.uniform(0.5, 1.0), self.longest_wait)
        if error.retry_after > self.longest_wait:
            return None
        return error.retry_after * random.uniform(1.0, 1.0 + _SPREAD)
