"""What the service has accepted and not answered yet, and how fast it works that off.

A request is predicted to take seconds that depend on its audio, and as many again as every request
takes: for its head and body, its audio's container, its text. Both are measured while there is
always work, by what was finished meanwhile, so that it does not matter which stage is the slowest.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# The length expected of a recording before any was seen, its bytes for a second of audio, and the
# weight that these and every later expectation keep when one more is seen.
_FIRST_AUDIO_SECONDS = 10.0
_FIRST_BYTES_PER_SECOND = 32_000.0
_MEMORY = 0.95
# What a request takes beside its audio, before that was measured.
_FIRST_REQUEST_SECONDS = 0.02
# A measurement takes at least so long; older ones count for less and less.
_SPAN_SECONDS = 1.0
_MEMORY_SECONDS = 10.0
# With less work than this at hand, it is the clients that decide how much is finished.
_SATURATED_SECONDS = 0.5
# A span this many times as long as expected did not only work: the process was suspended.
_MAX_SLOWDOWN = 4.0


class Work:
    """One request on its way through the service.

    Args:
        workload: counts it.
        caller: who sent it.
        audio_seconds: expected of its recording.

    Attributes:
        caller: as given.
        audio_seconds: of its recording that are not encoded yet; expected until it is decoded.
        finished: whether it was answered with a result.
    """

    __slots__ = ("_size", "_workload", "audio_seconds", "caller", "finished")

    def __init__(self, workload: "Workload", caller: str, audio_seconds: float) -> None:
        self.caller = caller
        self.audio_seconds = audio_seconds
        self.finished = False
        self._workload = workload
        self._size = 0

    def expect(self, size: int) -> None:
        """Expects as much audio as a recording of so many bytes usually has."""
        self._size = size
        self._set_audio(size * self._workload.seconds_per_byte)

    def decoded(self, audio_seconds: float) -> None:
        """Notes the length of the recording."""
        self._workload.count_recording(self._size, audio_seconds)
        self._set_audio(audio_seconds)

    def encoded(self, left_seconds: float) -> None:
        """Notes how much of the recording is not encoded yet."""
        self._workload.count_encoded(max(0.0, self.audio_seconds - left_seconds))
        self._set_audio(left_seconds)

    def _set_audio(self, seconds: float) -> None:
        self._workload.change_audio(seconds - self.audio_seconds)
        self.audio_seconds = seconds


class ThroughputMeter:
    """Measures the seconds that a request takes, and those that a second of audio takes.

    Exponentially weighted over the last seconds in which there was always work. The encoder's own
    measurement divides these seconds between the audio and the requests.

    Args:
        encoder_factor: returns the encoder's seconds per audio second; 0 before it was measured.
    """

    def __init__(self, encoder_factor: Callable[[], float]) -> None:
        self._encoder_factor = encoder_factor
        self._seconds = 0.0
        self._requests = 0.0
        self._audio = 0.0

    def record(
        self, *, seconds: float, requests: int, audio_seconds: float, saturated: bool
    ) -> None:
        """Counts a span.

        Args:
            seconds: its length.
            requests: answered in it.
            audio_seconds: encoded in it.
            saturated: whether there was always work; otherwise it counts only where it was faster
                than expected.
        """
        expected = requests * self.request_seconds + audio_seconds * self.audio_factor
        if not saturated and seconds >= expected:
            return
        seconds = min(seconds, _MAX_SLOWDOWN * expected or seconds)
        kept = math.exp(-seconds / _MEMORY_SECONDS)
        self._seconds = kept * self._seconds + seconds
        self._requests = kept * self._requests + requests
        self._audio = kept * self._audio + audio_seconds

    @property
    def request_seconds(self) -> float:
        """What each request takes beside its audio."""
        if not self._requests:
            return _FIRST_REQUEST_SECONDS
        return max(0.0, self._seconds - self.audio_factor * self._audio) / self._requests

    @property
    def audio_factor(self) -> float:
        """Seconds per second of audio; less than the encoder's where several devices work."""
        encoder = self._encoder_factor()
        return min(encoder, self._seconds / self._audio) if self._audio else encoder


class Workload:
    """All requests on their way through the service, and the prediction for one more.

    Args:
        encoder_factor: returns the encoder's seconds per audio second; 0 before it was measured.
        clock: seconds, monotonic.
    """

    def __init__(
        self, encoder_factor: Callable[[], float], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.meter = ThroughputMeter(encoder_factor)
        self._clock = clock
        self._works: set[Work] = set()
        self._audio_seconds = 0.0
        self._mean_audio_seconds = _FIRST_AUDIO_SECONDS
        self._bytes = _FIRST_BYTES_PER_SECOND
        self._bytes_audio = 1.0
        self._span_start = 0.0
        self._saturated = False
        self._requests_done = 0
        self._audio_done = 0.0

    @property
    def seconds_per_byte(self) -> float:
        """Audio seconds that a byte of a recording usually stands for."""
        return self._bytes_audio / self._bytes

    @contextmanager
    def open(self, caller: str) -> Iterator[Work]:
        """Counts a request of a caller for as long as the context is open."""
        if not self._works:
            self._begin_span(saturated=False)
        work = Work(self, caller, self._mean_audio_seconds)
        self._works.add(work)
        self.change_audio(work.audio_seconds)
        try:
            yield work
        finally:
            if work.finished:
                self._requests_done += 1
                work.encoded(0.0)
            self._works.remove(work)
            self.change_audio(-work.audio_seconds)
            self._count_span()

    def count_recording(self, size: int, audio_seconds: float) -> None:
        """Learns from a recording what to expect of the next; its size is 0 where unknown."""
        self._mean_audio_seconds = (
            _MEMORY * self._mean_audio_seconds + (1 - _MEMORY) * audio_seconds
        )
        if size:
            self._bytes = _MEMORY * self._bytes + size
            self._bytes_audio = _MEMORY * self._bytes_audio + audio_seconds

    def count_encoded(self, audio_seconds: float) -> None:
        """Counts audio that was encoded."""
        self._audio_done += audio_seconds

    def change_audio(self, seconds: float) -> None:
        """Adds to the audio that is not encoded yet."""
        self._audio_seconds += seconds

    def seconds_of(self, work: Work) -> float:
        """Returns how long a request is expected to take by itself, from now on."""
        meter = self.meter
        return meter.request_seconds + meter.audio_factor * work.audio_seconds

    def others(self, work: Work) -> Iterator[tuple[str, float]]:
        """Yields the caller of every other request, and how long it is expected to take."""
        fixed, factor = self.meter.request_seconds, self.meter.audio_factor
        for other in self._works:
            if other is not work:
                yield other.caller, fixed + factor * other.audio_seconds

    @property
    def _left_seconds(self) -> float:
        """How long all that is accepted is expected to take."""
        meter = self.meter
        return len(self._works) * meter.request_seconds + self._audio_seconds * meter.audio_factor

    def _count_span(self) -> None:
        """Measures once a span is long enough."""
        self._saturated = self._saturated and self._left_seconds >= _SATURATED_SECONDS
        seconds = self._clock() - self._span_start
        if seconds < _SPAN_SECONDS:
            return
        self.meter.record(
            seconds=seconds,
            requests=self._requests_done,
            audio_seconds=self._audio_done,
            saturated=self._saturated,
        )
        self._begin_span(saturated=self._left_seconds >= _SATURATED_SECONDS)

    def _begin_span(self, *, saturated: bool) -> None:
        self._span_start = self._clock()
        self._saturated = saturated
        self._requests_done, self._audio_done = 0, 0.0
