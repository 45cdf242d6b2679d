"""Waits between the attempts of a call."""

from hypothesis import given
from hypothesis import strategies as st

from nordlyd_client import BusyError, RefusedError, Retries, UnreachableError


@given(st.integers(1, 30), st.floats(0.01, 5), st.floats(0.1, 100))
def test_waits_grow_up_to_the_longest(attempt: int, first: float, longest: float) -> None:
    retries = Retries(attempts=31, first_wait=first, longest_wait=longest)
    seconds = retries.wait(attempt, UnreachableError("gone"))
    whole = min(first * 2 ** (attempt - 1), longest)
    assert seconds is not None
    assert min(whole, first * 2 ** (attempt - 1) / 2) <= seconds <= whole


@given(st.floats(0, 100))
def test_retry_after_is_waited_for_in_full(seconds: float) -> None:
    wait = Retries(longest_wait=100).wait(1, BusyError("full", retry_after=seconds))
    assert wait is not None
    assert seconds <= wait <= 1.1 * seconds


def test_permanent_errors_have_no_next_attempt() -> None:
    assert Retries().wait(1, RefusedError("no")) is None
    assert Retries(attempts=1).wait(1, UnreachableError("gone")) is None
    assert Retries(attempts=2).wait(2, BusyError("full", retry_after=0)) is None
    assert Retries(longest_wait=5).wait(1, BusyError("full", retry_after=6)) is None
