"""Stored bytes are bounded, and no caller can exhaust the budget of the others."""

import pytest

from app.errors import InsufficientStorageError, OverloadedError
from app.storage import ByteBudget


def budget() -> ByteBudget:
    return ByteBudget(100, name="Audio", setting="NORDLYD_X_MB")


def test_caller_may_use_the_whole_budget_only_while_alone() -> None:
    shared = budget()
    first = shared.reserve("a")
    first.resize(90)
    first.resize(30)
    other = shared.reserve("b")
    other.resize(20)
    with pytest.raises(OverloadedError, match="half") as refusal:
        first.resize(60)
    assert refusal.value.retry_after > 0
    assert refusal.value.status == 429
    assert (first.size, shared.used) == (30, 50)
    first.resize(50)
    other.resize(50)


def test_temporary_and_permanent_lack_of_room_are_different_errors() -> None:
    shared = budget()
    shared.reserve("a").resize(50)
    with pytest.raises(OverloadedError, match="NORDLYD_X_MB"):
        shared.reserve("").resize(60)
    with pytest.raises(InsufficientStorageError, match="NORDLYD_X_MB"):
        shared.reserve("b").resize(101)
    assert shared.used == 50


def test_released_bytes_are_free_again() -> None:
    shared = budget()
    hold = shared.reserve("a")
    hold.resize(100)
    assert not shared.fits("b", 1)
    hold.release()
    hold.release()
    assert shared.used == 0
    assert shared.fits("b", 100)


def test_bytes_of_the_process_itself_have_no_share_limit() -> None:
    shared = budget()
    shared.reserve("a").resize(10)
    shared.reserve("").resize(90)
    assert shared.used == 100


def test_background_has_one_share_for_all_callers_together() -> None:
    shared = budget()
    first = shared.reserve("a", background=True)
    second = shared.reserve("b", background=True)
    first.resize(40)
    with pytest.raises(OverloadedError, match="in the background takes up its share"):
        second.resize(20)
    shared.reserve("c").resize(40)
    first.release()
    second.resize(20)
    second.resize(50)
    assert shared.used == 90


def test_one_recording_in_the_background_may_take_more_than_the_share() -> None:
    shared = budget()
    alone = shared.reserve("a", background=True)
    alone.resize(10)
    alone.resize(90)
    assert shared.used == 90
