"""How long jobs and their audio are kept."""

import os
from datetime import timedelta

import pytest

from app.clock import SteadyClock
from app.durations import Keep
from app.errors import ConfigurationError, InvalidRequestError
from app.jobs.retention import End, RetentionPolicy
from app.settings import load_settings

_DAY = 86_400.0
_ENDED = 1_000_000.0


@pytest.mark.parametrize(
    ("results", "end", "expires_at"),
    [
        (timedelta(days=7), End("completed", _ENDED), _ENDED + 7 * _DAY),
        (timedelta(days=7), End("failed", _ENDED), _ENDED + 7 * _DAY),
        (timedelta(days=7), End("completed", _ENDED, expires_in=60.0), _ENDED + 60),
        ("forever", End("completed", _ENDED), None),
        ("forever", End("completed", _ENDED, _ENDED + 5), None),
        ("forever", End("completed", _ENDED, expires_in=60.0), _ENDED + 60),
        ("until-fetched", End("completed", _ENDED), None),
        ("until-fetched", End("completed", _ENDED, _ENDED + 50), _ENDED + 650),
        ("until-fetched", End("completed", _ENDED, expires_in=60.0), _ENDED + 60),
        ("until-fetched", End("completed", _ENDED, _ENDED + 5, 7 * _DAY), _ENDED + 605),
        # No one can fetch the result of these.
        ("until-fetched", End("failed", _ENDED), _ENDED + 7 * _DAY),
        ("until-fetched", End("cancelled", _ENDED), _ENDED + 7 * _DAY),
    ],
)
def test_job_expires_by_the_first_rule_that_is_due(
    results: Keep, end: End, expires_at: float | None
) -> None:
    assert RetentionPolicy(results=results).job_expires_at(end) == expires_at


def test_rules_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORDLYD_KEEP_AUDIO", "until-fetched")
    monkeypatch.setenv("NORDLYD_KEEP_RESULTS", "1d12h")
    settings = load_settings(os.environ)
    assert settings.keep_audio == "until-fetched"
    assert settings.keep_results == timedelta(hours=36)
    monkeypatch.setenv("NORDLYD_KEEP_RESULTS", "a while")
    with pytest.raises(
        ConfigurationError,
        match="NORDLYD_KEEP_RESULTS is 'a while': must be until-fetched, forever, or a length",
    ):
        load_settings(os.environ)


def test_audio_expires_with_the_job_by_default_and_by_its_own_rule_otherwise() -> None:
    end = End("completed", _ENDED, expires_in=60.0)
    assert RetentionPolicy().audio_expires_at(end) == _ENDED
    assert RetentionPolicy(audio=timedelta(hours=1)).audio_expires_at(end) == _ENDED + 3600
    assert RetentionPolicy(audio="until-fetched").audio_expires_at(end) is None
    assert RetentionPolicy(audio="forever").audio_expires_at(end) is None


def test_longer_life_than_the_operators_is_refused_with_the_bound() -> None:
    policy = RetentionPolicy(results=timedelta(days=1))
    policy.check_expires_in(None)
    policy.check_expires_in(_DAY)
    with pytest.raises(InvalidRequestError, match=r"at most 86400, .* keeps jobs for 1d") as caught:
        policy.check_expires_in(_DAY + 1)
    assert caught.value.param == "expires_in"
    RetentionPolicy(results="forever").check_expires_in(1e9)


class _Machine:
    """A clock that can be set, and a stopwatch."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.passed = 50.0

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.passed += seconds


@pytest.fixture
def machine() -> _Machine:
    return _Machine()


@pytest.fixture
def clock(machine: _Machine) -> SteadyClock:
    return SteadyClock(lambda: machine.now, lambda: machine.passed)


def test_clock_follows_the_system_while_it_runs_evenly(
    machine: _Machine, clock: SteadyClock
) -> None:
    for _ in range(10):
        machine.wait(3600)
        machine.now += 2
        assert clock.time() == machine.now


@pytest.mark.parametrize("jump", [30 * _DAY, -30 * _DAY])
def test_jump_is_followed_after_an_hour_only(
    machine: _Machine, clock: SteadyClock, jump: float
) -> None:
    right = machine.now
    machine.now += jump
    assert clock.time() == right
    machine.wait(3599)
    assert clock.time() == right + 3599
    machine.wait(1)
    assert clock.time() == machine.now


@pytest.mark.parametrize("jump", [30 * _DAY, -30 * _DAY])
def test_jump_that_is_taken_back_changes_nothing(
    machine: _Machine, clock: SteadyClock, jump: float
) -> None:
    machine.now += jump
    clock.time()
    machine.wait(3000)
    machine.now -= jump
    assert clock.time() == machine.now
    machine.now += jump
    clock.time()
    machine.wait(3000)
    # The hour begins again with the second jump.
    assert clock.time() == machine.now - jump


def test_setting_of_corrections_needs_recordings_to_be_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NORDLYD_KEEP_CORRECTIONS", "365d")
    with pytest.raises(ConfigurationError, match="needs NORDLYD_KEEP_AUDIO, such as 7d"):
        load_settings(os.environ)
    monkeypatch.setenv("NORDLYD_KEEP_AUDIO", "7d")
    assert load_settings(os.environ).keep_corrections == timedelta(days=365)
    monkeypatch.setenv("NORDLYD_KEEP_CORRECTIONS", "until-fetched")
    with pytest.raises(ConfigurationError, match="must be forever, or a length of time"):
        load_settings(os.environ)
