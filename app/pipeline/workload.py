"""What the service has accepted and not answered yet, and how fast it works that off.

A request is expected to take what the encoder needs for its audio and a little for everything
else, times a slowness that holds for the whole service. It is measured while there is always work,
by what was finished meanwhile, so that it does not matter which stage is the slowest.
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
# A body below this holds no recording, but perhaps the address of one.
_MIN_RECORDING_BYTES = 1024
# What a request takes besides its audio, where the service is as fast as its encoder.
_REQUEST_SECONDS = 0.01
# A measurement takes at least so long; older ones count for less and less.
_SPAN_SECONDS = 1.0
_MEMORY_SECONDS = 5.0
# The pace over so many seconds is what the service returns to after a burst, which slows it itself.
_STEADY_SECONDS = 30.0
# With less work than this at hand, it is the clients that decide how much is finished.
_SATURATED_SECONDS = 0.5
# A span this many times as long as expected did not only work: the process was suspended.
_MAX_SLOWDOWN = 4.0
# An upload that takes longer is not waited for by the service, and delays no other request.
_UPLOAD_SECONDS = 5.0


class Work:
    """One request on its way through the service.

    Args:
        workload: counts it.
        caller: who sent it.
        audio_seconds: expected of its recording.
        opened: instant at which it began.

    Attributes:
        caller: as given.
        audio_seconds: of its recording that are not encoded yet; expected until it is decoded.
        opened: as given.
        received: whether its recording has arrived.
        finished: whether it was answered with a result.
    """

    __slots__ = ("_size", "_workload", "audio_seconds", "caller", "finished", "opened", "received")

    def __init__(
        self, workload: "Workload", caller: str, audio_seconds: float, opened: float
    ) -> None:
        self.caller = caller
        self.audio_seconds = audio_seconds
        self.opened = opened
        self.received = False
        self.finished = False
        self._workload = workload
        self._size = 0

    def expect(self, size: int) -> None:
        """Expects as much audio as a recording of so many bytes usually has.

        Changes nothing where the bytes are too few for a recording.
        """
        if size < _MIN_RECORDING_BYTES:
            return
        self._size = size
        self._set_audio(size * self._workload.seconds_per_byte)

    def receive(self) -> None:
        """Notes that the recording has arrived, so that the service can work on it."""
        if not self.received:
            self._workload.begin(self)
            self.received = True

    def decoded(self, audio_seconds: float) -> None:
        """Notes the length of the recording."""
        self._workload.count_recording(self._size, audio_seconds)
        self._set_audio(audio_seconds)

    def encoded(self, left_seconds: float) -> None:
        """Notes how much of the recording is not encoded yet."""
        self._workload.count_done(audio_seconds=max(0.0, self.audio_seconds - left_seconds))
        self._set_audio(left_seconds)

    def _set_audio(self, seconds: float) -> None:
        if self.received:
            self._workload.change_audio(seconds - self.audio_seconds)
        self.audio_seconds = seconds


class ThroughputMeter:
    """Measures how much slower the whole service is than its encoder alone.

    Exponentially weighted over the last seconds in which there was always work.

    Args:
        encoder_factor: returns the encoder's seconds per audio second; 0 before it was measured.
    """

    def __init__(self, encoder_factor: Callable[[], float]) -> None:
        self._encoder_factor = encoder_factor
        self._taken = 0.0
        self._nominal = 0.0

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
        nominal = requests * _REQUEST_SECONDS + audio_seconds * self._encoder_factor()
        expected = nominal * self.slowness
        if not nominal or (not saturated and seconds >= expected):
            return
        seconds = min(seconds, _MAX_SLOWDOWN * expected)
        kept = math.exp(-seconds / _MEMORY_SECONDS)
        self._taken = kept * self._taken + seconds
        self._nominal = kept * self._nominal + nominal

    @property
    def slowness(self) -> float:
        """Seconds taken for each that the encoder alone would take; 1 before it was measured."""
        return self._taken / self._nominal if self._nominal else 1.0

    @property
    def request_seconds(self) -> float:
        """What each request takes besides its audio."""
        return self.slowness * _REQUEST_SECONDS

    @property
    def audio_factor(self) -> float:
        """What each second of audio takes."""
        return self.slowness * self._encoder_factor()


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
        # Of the audio factors measured, weighted by span and age, and the sum of the weights.
        self._steady_sum = 0.0
        self._steady_weight = 0.0
        self._clock = clock
        self._works: set[Work] = set()
        self._mean_audio_seconds = _FIRST_AUDIO_SECONDS
        self._bytes = _FIRST_BYTES_PER_SECOND
        self._bytes_audio = 1.0
        # Of those whose recordings have arrived.
        self._received = 0
        self._audio_seconds = 0.0
        self._span_start = 0.0
        self._saturated = False
        self._requests_done = 0
        self._audio_done = 0.0

    @property
    def seconds_per_byte(self) -> float:
        """Audio seconds that a byte of a recording usually stands for."""
        return self._bytes_audio / self._bytes

    @property
    def steady_share(self) -> float:
        """Seconds that work takes in the long run for each that it takes at present; at most 1."""
        present = self._steady_weight * self.meter.audio_factor
        return min(1.0, self._steady_sum / present) if present else 1.0

    @contextmanager
    def open(self, caller: str) -> Iterator[Work]:
        """Counts a request of a caller for as long as the context is open."""
        work = Work(self, caller, self._mean_audio_seconds, self._clock())
        self._works.add(work)
        try:
            yield work
        finally:
            self._works.remove(work)
            if work.finished:
                work.encoded(0.0)
                self.count_done(requests=1)
            if work.received:
                self._received -= 1
                self.change_audio(-work.audio_seconds)
                self._count_span()

    def begin(self, work: Work) -> None:
        """Counts a request whose recording has arrived."""
        if not self._received:
            self._begin_span()
        self._received += 1
        self.change_audio(work.audio_seconds)

    def count_recording(self, size: int, audio_seconds: float) -> None:
        """Learns from a recording what to expect of the next; its size is 0 where unknown."""
        self._mean_audio_seconds = (
            _MEMORY * self._mean_audio_seconds + (1 - _MEMORY) * audio_seconds
        )
        if size:
            self._bytes = _MEMORY * self._bytes + size
            self._bytes_audio = _MEMORY * self._bytes_audio + audio_seconds

    def count_done(self, *, requests: int = 0, audio_seconds: float = 0.0) -> None:
        """Counts requests that were answered, and audio that was encoded."""
        self._requests_done += requests
        self._audio_done += audio_seconds

    def change_audio(self, seconds: float) -> None:
        """Adds to the audio that has arrived and is not encoded yet."""
        self._audio_seconds += seconds

    def seconds_of(self, work: Work) -> float:
        """Returns how long a request is expected to take by itself, from now on."""
        meter = self.meter
        return meter.request_seconds + meter.audio_factor * work.audio_seconds

    def others(self, work: Work) -> Iterator[tuple[str, float]]:
        """Yields the caller of every other request, and how long it is expected to take.

        Without those whose recordings are slow to arrive, since the others do not wait for them.
        """
        fixed, factor = self.meter.request_seconds, self.meter.audio_factor
        oldest = self._clock() - _UPLOAD_SECONDS
        for other in self._works:
            if other is not work and (other.received or other.opened > oldest):
                yield other.caller, fixed + factor * other.audio_seconds

    @property
    def _is_saturated(self) -> bool:
        """Whether enough has arrived that the service decides how much is finished."""
        meter = self.meter
        left = self._received * meter.request_seconds + self._audio_seconds * meter.audio_factor
        return left >= _SATURATED_SECONDS

    def _count_span(self) -> None:
        """Measures once a span is long enough."""
        self._saturated = self._saturated and self._is_saturated
        seconds = self._clock() - self._span_start
        if seconds >= _SPAN_SECONDS:
            self.meter.record(
                seconds=seconds,
                requests=self._requests_done,
                audio_seconds=self._audio_done,
                saturated=self._saturated,
            )
            if self._saturated:
                self._follow_pace(min(seconds, _SPAN_SECONDS * _MAX_SLOWDOWN))
            self._begin_span()

    def _follow_pace(self, seconds: float) -> None:
        kept = math.exp(-seconds / _STEADY_SECONDS)
        self._steady_sum = kept * self._steady_sum + (1 - kept) * self.meter.audio_factor
        self._steady_weight = kept * self._steady_weight + (1 - kept)

    def _begin_span(self) -> None:
        self._span_start = self._clock()
        self._saturated = self._is_saturated
        self._requests_done, self._audio_done = 0, 0.0
