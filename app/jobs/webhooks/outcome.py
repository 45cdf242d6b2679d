"""What follows from an attempt to deliver a webhook: it is delivered, repeated, or has failed."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from app.contract.webhooks import DeliveryState

WAITS: tuple[float, ...] = (5, 30, 300, 1800, 3600, 7200, 14400, 28800, 28800)
"""Seconds from each failed attempt to the next: ten attempts in about 24 hours."""

_JITTER = 0.1
_RETRIED = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt has led to.

    Attributes:
        state: of the delivery from now on.
        status: the HTTP status of the answer; None without one.
        error: why it failed, without anything of the answer's body.
        wait: seconds until the next attempt; only while it is pending.
    """

    state: DeliveryState
    status: int | None = None
    error: str | None = None
    wait: float | None = None


def outcome_of_answer(status: int, headers: Mapping[str, str], attempts: int) -> Outcome:
    """Returns what an answer leads to.

    2xx delivers. 408, 429 and 5xx are tried again. A redirect, which is never followed, and any
    other status end the delivery: the same request would be answered the same again.

    Args:
        status: of the answer.
        headers: of the answer, by their names in lower case.
        attempts: how many there were, with this one.
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome("delivered", status)
    if status in _RETRIED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _again(f"Answered with status {status}.", attempts, status, _retry_after(headers))
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Outcome("failed", status, f"Answered with status {status}; no redirect is followed.")
    return Outcome("failed", status, f"Answered with status {status}.")


def outcome_of_failure(error: str, attempts: int) -> Outcome:
    """Returns what an attempt without an answer leads to: another one, unless it was the last.

    Args:
        error: why there was no answer.
        attempts: how many there were, with this one.
    """
    return _again(error, attempts, None, 0.0)


def outcome_by_a_wrong_clock(outcome: Outcome, attempts: int) -> Outcome:
    """Returns what an attempt leads to that was made while the clock of this machine had jumped.

    Receivers refuse a signature of another time, so a refusal does not end the delivery.
    """
    if outcome.state != "failed" or (outcome.status or 0) < HTTPStatus.BAD_REQUEST:
        return outcome
    return _again(
        f"{outcome.error} The clock of the service had jumped.", attempts, outcome.status, 0.0
    )


def _again(error: str, attempts: int, status: int | None, least: float) -> Outcome:
    if attempts > len(WAITS):
        return Outcome("failed", status, error)
    # Spread, so that a receiver that comes back is not met by everything at once.
    spread = WAITS[attempts - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)
    return Outcome("pending", status, error, max(spread, min(least, WAITS[-1])))


def _retry_after(headers: Mapping[str, str]) -> float:
    """Returns the seconds of a Retry-After header; 0 without a valid one."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return (at - datetime.now(UTC)).total_seconds()
