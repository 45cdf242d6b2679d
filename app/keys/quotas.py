"""What each key may use: requests at once, requests a minute, and audio a day.

Requests are counted by this process. So is audio, until it is exchanged with the database, which
adds up that of all processes. Headers follow the IETF's draft "RateLimit header fields for HTTP"
(draft-ietf-httpapi-ratelimit-headers-11), and its revisions up to 06, whose three `RateLimit-*`
fields most clients know.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from app.errors import QuotaExceededError

EVERY_KEY = "*"
"""Stands in NORDLYD_QUOTAS for every key without an entry of its own."""

Headers: TypeAlias = Mapping[str, str]

AudioCounts: TypeAlias = Mapping[tuple[str, int], float]
"""Seconds of audio by the id of a key and the number of a day (UTC, since 1970)."""

_MINUTE = 60.0
_DAY = 86_400.0
# When another request of the key ends is not known.
_CONCURRENT_RETRY_SECONDS = 1.0
# Keys that have used nothing today are forgotten when there are more than this.
_MAX_IDLE = 10_000


class Quota(BaseModel):
    """The limits of one key; an entry of NORDLYD_QUOTAS. What is not given is not limited."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrent_requests: int | None = Field(None, ge=1)
    requests_per_minute: int | None = Field(None, ge=1)
    audio_minutes_per_day: float | None = Field(None, gt=0)


@dataclass(slots=True)
class _Usage:
    """What a key has used.

    Attributes:
        running: its requests that are not answered yet.
        recent: the instants of its requests within the last minute.
        day: number of the day (UTC) that `audio_seconds` counts.
        audio_seconds: audio of its recordings on that day; of all processes, as far as it was
            exchanged with the database.
    """

    running: int = 0
    recent: deque[float] = field(default_factory=deque)
    day: int = 0
    audio_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Window:
    """One limit and what is left of it.

    Attributes:
        name: of the limit, for a program.
        limit: what may be used, in whole units.
        used: what was used of it.
        reset: seconds until more is left; None where that is not known.
        seconds: the length of time that the limit is for; None where it is for one instant.
        unit: what is counted; empty for requests.
    """

    name: str
    limit: int
    used: int
    reset: float | None
    seconds: float | None = None
    unit: str = ""

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    def policy(self) -> str:
        """The item of `RateLimit-Policy`."""
        window = "" if self.seconds is None else f";w={self.seconds:.0f}"
        unit = f';qu="{self.unit}"' if self.unit else ""
        return f'"{self.name}";q={self.limit}{window}{unit}'

    def state(self) -> str:
        """The item of `RateLimit`."""
        reset = "" if self.reset is None else f";t={math.ceil(self.reset)}"
        return f'"{self.name}";r={self.left}{reset}'


class QuotaLimiter:
    """Counts what keys use, and refuses what is above their quotas.

    Args:
        quotas: by the id or the name of a key, or `*` for all others.
        clock: seconds since 1970, UTC.
    """

    def __init__(
        self, quotas: Mapping[str, Quota] | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._quotas = dict(quotas or {})
        self._clock = clock
        self._names: dict[str, str] = {}
        self._own: dict[str, Quota] = {}
        self._usage: dict[str, _Usage] = {}
        self._unsaved: dict[tuple[str, int], float] = {}

    def attach(self, key_id: str, *, name: str = "", quota: Quota | None = None) -> None:
        """Sets the name of a key, and the quota of its own, which goes before NORDLYD_QUOTAS."""
        self._names[key_id] = name
        if quota is None:
            self._own.pop(key_id, None)
        else:
            self._own[key_id] = quota

    def detach(self, key_id: str) -> None:
        """Forgets the name and the quota of a key."""
        self._names.pop(key_id, None)
        self._own.pop(key_id, None)

    def quota_of(self, key_id: str) -> Quota | None:
        """Returns the limits of a key; None where it has none."""
        if key_id in self._own:
            return self._own[key_id]
        for name in (key_id, self._names.get(key_id, ""), EVERY_KEY):
            if name in self._quotas:
                return self._quotas[name]
        return None

    @contextmanager
    def admit(self, key_id: str) -> Iterator[None]:
        """Counts a request of a key, as running for as long as the context is open.

        Raises:
            QuotaExceededError: it would be above the quota; with the seconds until it would not.
        """
        quota = self.quota_of(key_id)
        if quota is None:
            yield
            return
        usage = self._usage_of(key_id)
        for window in _windows(quota, usage, self._clock()):
            if not window.left:
                raise _refusal(window, self.headers(key_id))
        usage.recent.append(self._clock())
        usage.running += 1
        try:
            yield
        finally:
            usage.running -= 1

    def count_audio(self, key_id: str, seconds: float, *, saved: bool = False) -> None:
        """Counts the audio of a recording that was transcribed for a key.

        Args:
            key_id: of the key.
            seconds: of audio.
            saved: whether it is kept in the database too, where there is one.
        """
        quota = self.quota_of(key_id)
        if quota is None:
            return
        usage = self._usage_of(key_id)
        usage.audio_seconds += seconds
        if saved and quota.audio_minutes_per_day is not None:
            counted = (key_id, usage.day)
            self._unsaved[counted] = self._unsaved.get(counted, 0.0) + seconds

    @property
    def counts_audio(self) -> bool:
        """Whether any key has a limit of audio a day."""
        quotas = (*self._quotas.values(), *self._own.values())
        return any(quota.audio_minutes_per_day is not None for quota in quotas)

    @property
    def day(self) -> int:
        """The number of this day (UTC, since 1970)."""
        return int(self._clock() // _DAY)

    @property
    def has_unsaved(self) -> bool:
        """Whether audio was counted that the database is to add."""
        return bool(self._unsaved)

    def take_unsaved(self) -> AudioCounts:
        """Returns the audio that was counted since the last call, for the database to add.

        What could not be added is given back with `restore_unsaved`.
        """
        taken, self._unsaved = self._unsaved, {}
        return taken

    def restore_unsaved(self, counts: AudioCounts) -> None:
        """Takes back what could not be added; that of earlier days limits nothing any more."""
        for (key_id, day), seconds in counts.items():
            if day >= self.day:
                counted = (key_id, day)
                self._unsaved[counted] = self._unsaved.get(counted, 0.0) + seconds

    def set_audio(self, counts: AudioCounts) -> None:
        """Sets the audio that all processes together have counted, as the database has it."""
        for (key_id, day), seconds in counts.items():
            usage = self._usage_of(key_id)
            if day == usage.day:
                usage.audio_seconds = seconds + self._unsaved.get((key_id, day), 0.0)

    def headers(self, key_id: str) -> Headers:
        """Returns the headers that describe what is left of a key's quota; none without one."""
        quota = self.quota_of(key_id)
        if quota is None:
            return {}
        windows = _windows(quota, self._usage_of(key_id), self._clock())
        if not windows:
            return {}
        nearest = min(windows, key=lambda window: window.left / window.limit)
        return {
            "ratelimit-policy": ", ".join(window.policy() for window in windows),
            "ratelimit": ", ".join(window.state() for window in windows),
            "ratelimit-limit": str(nearest.limit),
            "ratelimit-remaining": str(nearest.left),
            "ratelimit-reset": str(math.ceil(nearest.reset or _CONCURRENT_RETRY_SECONDS)),
        }

    def _usage_of(self, key_id: str) -> _Usage:
        """Returns what a key has used until now."""
        now = self._clock()
        if key_id not in self._usage and len(self._usage) >= _MAX_IDLE:
            self._forget_idle(now)
        usage = self._usage.setdefault(key_id, _Usage())
        _expire(usage, now)
        return usage

    def _forget_idle(self, now: float) -> None:
        for usage in self._usage.values():
            _expire(usage, now)
        self._usage = {
            key_id: usage
            for key_id, usage in self._usage.items()
            if usage.running or usage.recent or usage.audio_seconds
        }


def _expire(usage: _Usage, now: float) -> None:
    # A clock that was set back must not keep a key waiting for more than a minute.
    while usage.recent and not now - _MINUTE < usage.recent[0] <= now:
        usage.recent.popleft()
    if usage.day != (day := int(now // _DAY)):
        usage.day, usage.audio_seconds = day, 0.0


def _windows(quota: Quota, usage: _Usage, now: float) -> list[_Window]:
    """Returns the limits that a quota has, and what is left of each."""
    windows = []
    if (limit := quota.requests_per_minute) is not None:
        # Once as many are a minute old as are above the limit less one, one more is within it.
        index = max(0, len(usage.recent) - limit)
        reset = usage.recent[index] + _MINUTE - now if usage.recent else _MINUTE
        windows.append(_Window("requests", limit, len(usage.recent), reset, _MINUTE))
    if (minutes := quota.audio_minutes_per_day) is not None:
        limit = math.ceil(60 * minutes)
        used = math.floor(usage.audio_seconds)
        reset = _DAY - now % _DAY
        windows.append(_Window("audio", limit, used, reset, _DAY, "audio-seconds"))
    if (limit := quota.concurrent_requests) is not None:
        windows.append(
            _Window("concurrent", limit, usage.running, None, unit="concurrent-requests")
        )
    return windows


_EXCEEDED = {
    "requests": "This key may send {limit} requests a minute, and has.",
    "audio": "This key may have {limit} s of audio transcribed a day (UTC), and has.",
    "concurrent": "This key may have {limit} requests running at once, and has.",
}


def _refusal(window: _Window, headers: Headers) -> QuotaExceededError:
    seconds = max(1.0, window.reset or _CONCURRENT_RETRY_SECONDS)
    message = _EXCEEDED[window.name].format(limit=window.limit)
    return QuotaExceededError(
        f"{message} Try again in {math.ceil(seconds)} s.", retry_after=seconds, headers=headers
    )
