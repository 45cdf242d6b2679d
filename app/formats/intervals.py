"""What annotation formats share: labelled stretches of time, side by side."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time in seconds, and what is said in it."""

    start: float
    end: float
    text: str


def apart(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """Yield intervals rounded to milliseconds, without those that then last no time."""
    for interval in intervals:
        start, end = round(interval.start, 3), round(interval.end, 3)
        if end > start:
            yield Interval(start, end, interval.text)
