"""Encodes a long recording group by group, and keeps the emissions of each group.

The windows are those of the whole recording, with their context, so the joined emissions are those
of one pass. Work that is done again, as after a restart, takes the groups that were kept.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from app import tracing
from app.audio import SAMPLE_RATE, Window
from app.engine import EncodedAudio, EncodeRequest, Engine
from app.pipeline.requests import LoadedModel

HalfPrecision = npt.NDArray[np.float16]

GROUP_SECONDS = 600.0
"""A group has about so much audio: what is computed again after a crash, at most."""


class EmissionStore(Protocol):
    """Keeps what was computed of one recording."""

    def begin(self, duration: float) -> None:
        """Receives the length of the recording in seconds, once it is known."""

    async def load(self, name: str) -> HalfPrecision | None:
        """Returns a group's emissions, float16 [frames, vocabulary]; None where none are kept."""

    async def save(self, name: str, emissions: HalfPrecision) -> None:
        """Keeps a group's emissions durably."""


class EmissionsOfPart:
    """Keeps the emissions of a part of a recording, such as a channel, among those of the whole.

    Args:
        kept: of the recording.
        part: names it.
        duration: length of the recording in seconds; None where the part is as long.
    """

    def __init__(self, kept: EmissionStore, part: str, duration: float | None = None) -> None:
        self._kept = kept
        self._part = part
        self._duration = duration

    def begin(self, duration: float) -> None:
        """See `EmissionStore`."""
        self._kept.begin(duration if self._duration is None else self._duration)

    async def load(self, name: str) -> HalfPrecision | None:
        """See `EmissionStore`."""
        return await self._kept.load(self._named(name))

    async def save(self, name: str, emissions: HalfPrecision) -> None:
        """See `EmissionStore`."""
        await self._kept.save(self._named(name), emissions)

    def _named(self, name: str) -> str:
        return f"{name}-{self._part}"


async def encode_in_groups(
    engine: Engine,
    request: EncodeRequest[Window],
    model: LoadedModel,
    kept: EmissionStore,
    *,
    on_progress: Callable[[int], None],
) -> EncodedAudio:
    """Returns the emissions of a recording, rounded to half precision.

    Args:
        engine: encodes what is not kept.
        request: of the whole recording.
        model: that it names.
        kept: has the groups of an earlier attempt, and receives those of this one.
        on_progress: called on the event loop with the number of windows that are done.

    Raises:
        NordlydError: as the engine and `kept` raise it.
    """
    acoustic = model.acoustic
    names = group_names(
        request.windows, model.card.id, tokens=acoustic.vocabulary.tokens, hop=acoustic.hop
    )
    groups = group_windows(request.windows, acoustic.hop)
    parts: list[HalfPrecision] = []
    queue_seconds = encode_seconds = 0.0
    done = 0
    for number, (name, group) in enumerate(zip(names, groups, strict=True)):
        with tracing.span("encode group") as span:
            span.set("nordlyd.group", number)
            part = await kept.load(name)
            span.set("nordlyd.group.kept", part is not None)
            if part is None:

                def window_encoded(index: int, _: object, before: int = done) -> None:
                    on_progress(before + index + 1)

                encoded = await engine.encode(
                    replace(request, windows=group), on_window=window_encoded
                )
                queue_seconds += encoded.queue_seconds
                encode_seconds += encoded.encode_seconds
                part = encoded.emissions.astype(np.float16)
                await kept.save(name, part)
        parts.append(part)
        done += len(group)
        on_progress(done)
    emissions = np.concatenate(parts, dtype=np.float32)
    return EncodedAudio(emissions, queue_seconds, encode_seconds)


def group_windows(windows: Sequence[Window], hop: int) -> Iterator[Sequence[Window]]:
    """Yields consecutive windows, so many at a time that they keep about `GROUP_SECONDS`.

    Args:
        windows: of one recording, in order.
        hop: samples from one frame to the next.
    """
    longest = GROUP_SECONDS * SAMPLE_RATE / hop
    group: list[Window] = []
    frames = 0
    for window in windows:
        kept = window.keep_to - window.keep_from
        if group and frames + kept > longest:
            yield group
            group, frames = [], 0
        group.append(window)
        frames += kept
    if group:
        yield group


def group_names(
    windows: Sequence[Window], model: str, *, tokens: Sequence[str], hop: int
) -> Sequence[str]:
    """Returns a name for each group of a recording, of how the recording is cut and encoded.

    Emissions that were kept under other names, as before a setting or the model's vocabulary was
    changed, cannot be joined with these.

    Args:
        windows: of the recording, in order.
        model: id of the model.
        tokens: of its vocabulary.
        hop: samples from one frame to the next.
    """
    plan = (model, tuple(tokens), hop, tuple(windows))
    digest = hashlib.sha256(repr(plan).encode()).hexdigest()[:16]
    groups = len(list(group_windows(windows, hop)))
    return [f"{digest}-{number}" for number in range(groups)]
