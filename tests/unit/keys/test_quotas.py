"""What a key may use, when it is refused, and what the headers have of it."""

import pytest
from pydantic import ValidationError

from app.errors import QuotaExceededError
from app.keys import Quota, QuotaLimiter

NOON = 1_800_000_000.0 - 1_800_000_000.0 % 86_400 + 43_200


class Clock:
    """Seconds since 1970 that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def limiter(clock: Clock | None = None, **quotas: Quota) -> QuotaLimiter:
    return QuotaLimiter(quotas, clock=clock or Clock())


def send(quotas: QuotaLimiter, key: str = "k") -> None:
    with quotas.admit(key):
        pass


def test_key_without_a_quota_is_not_limited_and_gets_no_headers() -> None:
    quotas = limiter(other=Quota(requests_per_minute=1))
    for _ in range(10):
        send(quotas)
    assert quotas.headers("k") == {}


def test_requests_above_the_rate_are_refused_until_the_oldest_is_a_minute_old() -> None:
    clock = Clock()
    quotas = limiter(clock, k=Quota(requests_per_minute=2))
    send(quotas)
    clock.now += 20
    send(quotas)
    with pytest.raises(QuotaExceededError, match=r"2 requests a minute.*in 40 s") as refused:
        send(quotas)
    assert (refused.value.status, refused.value.code) == (429, "quota_exceeded")
    assert refused.value.retry_after == 40
    assert refused.value.headers["ratelimit"] == '"requests";r=0;t=40'
    clock.now += 40
    send(quotas)
    with pytest.raises(QuotaExceededError):
        send(quotas)


def test_refused_requests_do_not_count() -> None:
    clock = Clock()
    quotas = limiter(clock, k=Quota(requests_per_minute=1))
    send(quotas)
    for _ in range(5):
        clock.now += 10
        with pytest.raises(QuotaExceededError):
            send(quotas)
    clock.now += 10
    send(quotas)


def test_requests_at_once_are_bounded_and_an_ended_one_makes_room() -> None:
    quotas = limiter(k=Quota(concurrent_requests=2))
    with quotas.admit("k"):
        with quotas.admit("k"):
            with pytest.raises(QuotaExceededError, match="2 requests running at once"):
                send(quotas)
            send(quotas, "another")
        send(quotas)


def test_failed_request_makes_room() -> None:
    quotas = limiter(k=Quota(concurrent_requests=1))
    with pytest.raises(ZeroDivisionError), quotas.admit("k"):
        raise ZeroDivisionError
    send(quotas)


def test_audio_of_a_day_is_refused_until_midnight() -> None:
    clock = Clock()
    quotas = limiter(clock, k=Quota(audio_minutes_per_day=1.5))
    quotas.count_audio("k", 89)
    send(quotas)
    # A recording is not cut short; what is above the quota delays the next one.
    quotas.count_audio("k", 3600)
    with pytest.raises(QuotaExceededError, match="90 s of audio") as refused:
        send(quotas)
    assert refused.value.retry_after == 43_200
    clock.now += 43_200
    send(quotas)
    assert quotas.headers("k")["ratelimit-remaining"] == "90"


def test_headers_describe_every_limit_and_the_nearest_one() -> None:
    quotas = limiter(
        k=Quota(concurrent_requests=4, requests_per_minute=60, audio_minutes_per_day=10)
    )
    quotas.count_audio("k", 450)
    with quotas.admit("k"):
        headers = quotas.headers("k")
    assert headers["ratelimit-policy"] == (
        '"requests";q=60;w=60, "audio";q=600;w=86400;qu="audio-seconds", '
        '"concurrent";q=4;qu="concurrent-requests"'
    )
    assert headers["ratelimit"] == '"requests";r=59;t=60, "audio";r=150;t=43200, "concurrent";r=3'
    assert headers["ratelimit-limit"] == "600"
    assert headers["ratelimit-remaining"] == "150"
    assert headers["ratelimit-reset"] == "43200"


def test_quota_is_the_keys_own_or_that_of_its_id_or_name_or_of_every_key() -> None:
    quotas = QuotaLimiter(
        {
            "id-1": Quota(concurrent_requests=1),
            "Stortinget": Quota(concurrent_requests=2),
            "*": Quota(concurrent_requests=3),
        }
    )
    quotas.attach("id-1", name="Stortinget")
    quotas.attach("id-2", name="Stortinget")
    quotas.attach("id-3", name="Stortinget", quota=Quota(concurrent_requests=4))
    given = [quotas.quota_of(key) for key in ("id-1", "id-2", "id-3", "id-4")]
    assert [quota and quota.concurrent_requests for quota in given] == [1, 2, 4, 3]
    quotas.detach("id-3")
    assert quotas.quota_of("id-3") == Quota(concurrent_requests=3)


def test_clock_that_is_set_back_refuses_no_key_for_longer_than_a_minute() -> None:
    clock = Clock()
    quotas = limiter(clock, k=Quota(requests_per_minute=1))
    send(quotas)
    clock.now -= 3600
    send(quotas)
    with pytest.raises(QuotaExceededError) as refused:
        send(quotas)
    assert refused.value.retry_after <= 60


def test_keys_that_used_nothing_lately_take_no_memory() -> None:
    clock = Clock()
    quotas = QuotaLimiter({"*": Quota(requests_per_minute=1)}, clock=clock)
    for number in range(10_000):
        send(quotas, f"address:{number}")
    clock.now += 61
    send(quotas, "one more")
    assert len(quotas._usage) == 1


@pytest.mark.parametrize(
    "wrong", [{"requests_per_minute": 0}, {"audio_minutes_per_day": -1}, {"per_hour": 3}]
)
def test_quota_that_is_none_is_an_error(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Quota.model_validate(wrong)
