"""A silent track beside one with sound, as a screen recorder leaves when the microphone is off.

A stream whose chosen track is silent flows in; a notice that names another flows out, if there is
one.
"""

from contextlib import closing
from typing import BinaryIO

import numpy as np

from app.audio.findings import Findings
from app.audio.info import AudioInfo
from app.audio.limits import AudioLimits
from app.audio.pyav_reader import PyAVReader
from app.audio.recording import SILENCE_DBFS
from app.audio.sniff import Sniffed
from app.errors import AudioError

# Of each other track, and of how many tracks at most: enough to know, and bounded.
_LOOKED_AT_SECONDS = 60.0
_MAX_LOOKED_AT = 8


def note_silent_track(
    stream: BinaryIO, sniffed: Sniffed, info: AudioInfo, limits: AudioLimits, findings: Findings
) -> None:
    """Note that another track has sound, where one has within its first minute.

    Args:
        stream: seekable.
        sniffed: what it is.
        info: its tracks; the one that was read is silent.
        limits: as for decoding.
        findings: takes the notice.

    Raises:
        AudioError: notices are refused.
    """
    others = [track.index for track in info.tracks if track.index != info.track]
    for index in others[:_MAX_LOOKED_AT]:
        if _sounds(stream, sniffed, index, limits):
            findings.add(
                "silent_track",
                f"Track {info.track} of {len(info.tracks)}, which was read, is silent, and track "
                f"{index} has sound: send track={index} to read that one.",
            )
            return


def _sounds(stream: BinaryIO, sniffed: Sniffed, index: int, limits: AudioLimits) -> bool:
    seconds = 0.0
    try:
        reader = PyAVReader(stream, sniffed, limits=limits, findings=Findings(), track=str(index))
        with closing(reader):
            for block in reader.blocks():
                if np.abs(block.samples).max(initial=0.0) >= 10.0 ** (SILENCE_DBFS / 20.0):
                    return True
                seconds += block.samples.size / block.rate
                if seconds > _LOOKED_AT_SECONDS:
                    break
    except AudioError:
        # What cannot be read cannot be recommended.
        return False
    return False
