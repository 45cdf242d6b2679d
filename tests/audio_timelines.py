"""Files whose sound starts late, stops for a while, or whose clock does not begin at zero.

FFmpeg encodes one long signal, and the packets of some stretches are left out as it is muxed: a
pause of the recorder, packets that were lost, a microphone that was opened late.
"""

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from audio_samples import chirp


@dataclass(frozen=True, slots=True)
class Layout:
    """One container with a codec, and whether pictures keep its clock running."""

    container: str
    codec: str
    rate: int = 48_000
    video: str | None = None


LAYOUTS = {
    "mp4": Layout("mp4", "aac", video="mpeg4"),
    "mov": Layout("mov", "aac", video="mjpeg"),
    "m4a": Layout("ipod", "aac"),
    "webm": Layout("webm", "libopus"),
    "mkv": Layout("matroska", "aac", video="mpeg4"),
    "ts": Layout("mpegts", "aac", video="mpeg4"),
    "mpg": Layout("mpeg", "mp2", video="mpeg4"),
    "avi": Layout("avi", "mp3", video="mpeg4"),
    "flv": Layout("flv", "aac", rate=44_100, video="flv"),
    "wma": Layout("asf", "wmav2", rate=16_000),
    "ogg": Layout("ogg", "libopus"),
    "nut": Layout("nut", "mp2", video="mpeg4"),
}


def bursts(at: list[float], total: float, rate: int) -> np.ndarray:
    """Half a second of chirp at each of some times, in silence: float32 [samples]."""
    signal = np.zeros(round(total * rate), dtype=np.float32)
    for start in at:
        first = round(start * rate)
        signal[first : first + rate // 2] = chirp(0.5, rate)
    return signal


def mux(
    layout: Layout,
    signal: np.ndarray,
    *,
    without: tuple[tuple[float, float], ...] = (),
    offset: float = 0.0,
    options: dict[str, str] | None = None,
    pause: tuple[float, float] | None = None,
) -> bytes:
    """Encodes a signal, and leaves out the packets that begin within the stretches `without`.

    Args:
        layout: container and codec.
        signal: float32 [samples] at the layout's rate.
        without: from and to, in seconds.
        offset: seconds that the clock is at when the file begins.
        options: of the muxer.
        pause: when the recorder stopped, and for how long, in seconds: nothing is lost.
    """
    buffer = io.BytesIO()
    options = {**(options or {}), **({"avoid_negative_ts": "disabled"} if offset else {})}
    with av.open(buffer, "w", format=layout.container, options=options) as container:
        video = container.add_stream(layout.video, rate=25) if layout.video else None
        audio = container.add_stream(layout.codec, rate=layout.rate, layout="stereo")
        audio.bit_rate = 96_000 if layout.rate > 16_000 else 32_000
        packets = []
        if video is not None:
            video.width, video.height, video.gop_size = 64, 48, 5
            video.pix_fmt = "yuvj420p" if layout.video == "mjpeg" else "yuv420p"
            picture = av.VideoFrame(64, 48, video.pix_fmt)
            for index in range(round(25 * len(signal) / layout.rate)):
                picture.pts, picture.time_base = index, Fraction(1, 25)
                packets += video.encode(picture)
            packets += video.encode(None)
        for start in range(0, len(signal), 4_096):
            block = np.ascontiguousarray(np.stack([signal[start : start + 4_096]] * 2))
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = layout.rate, start
            frame.time_base = Fraction(1, layout.rate)
            packets += audio.encode(frame)
        packets += audio.encode(None)
        packets.sort(key=lambda packet: float(packet.dts * packet.time_base))
        for packet in packets:
            at = float(packet.pts * packet.time_base)
            if packet.stream is audio and any(start <= at < stop for start, stop in without):
                continue
            later = offset + (pause[1] if pause and at >= pause[0] else 0)
            packet.pts += round(later / packet.time_base)
            packet.dts += round(later / packet.time_base)
            container.mux(packet)
    return buffer.getvalue()


def onsets(samples: np.ndarray, rate: int) -> list[float]:
    """When each stretch of sound begins, in seconds, after at least 0.3 s of silence."""
    loud = np.flatnonzero(np.abs(samples) > 0.03)
    if not loud.size:
        return []
    firsts = loud[np.concatenate([[True], np.diff(loud) > 0.3 * rate])]
    return [float(first) / rate for first in firsts]
