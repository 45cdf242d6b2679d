"""What follows from an attempt to deliver a webhook."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.jobs.webhooks.outcome import WAITS, outcome_of_answer, outcome_of_failure
from app.jobs.webhooks.signing import check_secret

LAST = len(WAITS) + 1


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_2xx_delivers(status: int) -> None:
    outcome = outcome_of_answer(status, {}, 1)
    assert (outcome.state, outcome.wait, outcome.error) == ("delivered", None, None)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 410, 422])
def test_redirect_or_refusal_ends_it(status: int) -> None:
    outcome = outcome_of_answer(status, {"retry-after": "5"}, 1)
    assert (outcome.state, outcome.status, outcome.wait) == ("failed", status, None)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 599])
def test_passing_error_is_tried_again_and_ends_after_the_last_attempt(status: int) -> None:
    assert outcome_of_answer(status, {}, 1).state == "pending"
    assert outcome_of_answer(status, {}, LAST - 1).state == "pending"
    assert outcome_of_answer(status, {}, LAST).state == "failed"


def test_attempts_without_an_answer_are_spread_over_a_day() -> None:
    waits = [outcome_of_failure("no answer", number).wait for number in range(1, LAST)]
    assert None not in waits
    total = sum(wait for wait in waits if wait is not None)
    assert timedelta(hours=21) < timedelta(seconds=total) < timedelta(hours=27)
    assert outcome_of_failure("no answer", LAST).state == "failed"


def retry_wait(value: str, attempts: int = 1) -> float:
    wait = outcome_of_answer(503, {"retry-after": value}, attempts).wait
    assert wait is not None
    return wait


def test_retry_after_is_waited_for_within_bounds() -> None:
    assert retry_wait("600") == 600
    in_ten_minutes = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    assert retry_wait(in_ten_minutes) == pytest.approx(600, abs=5)
    assert retry_wait("99999999999999999999") == WAITS[-1]
    # Never earlier than without it.
    assert retry_wait("1", attempts=3) > 200


@pytest.mark.parametrize("value", ["soon", "", "-5", "１２", "Wed, 99 Foo 2026 00:00:00 GMT"])
def test_invalid_retry_after_is_left_out(value: str) -> None:
    assert retry_wait(value) < 10


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G", "whsec_ø" * 20],
)
def test_secret_that_cannot_sign_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and then 24 to 64 bytes") as refused:
        check_secret(secret)
    assert not secret or secret == "whsec_" or secret not in str(refused.value)
