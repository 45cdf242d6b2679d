"""Decodes any accepted format to 16 kHz mono float32, and cuts recordings into windows."""

from app.audio.decode import decode_audio
from app.audio.frames import Window, plan_windows, stitch
from app.audio.info import AudioInfo, TrackInfo
from app.audio.live import decode_live
from app.audio.options import AudioLimits, DecodeOptions, RawFormat
from app.audio.recording import SAMPLE_RATE, Recording, Samples, Span

__all__ = [
    "SAMPLE_RATE",
    "AudioInfo",
    "AudioLimits",
    "DecodeOptions",
    "RawFormat",
    "Recording",
    "Samples",
    "Span",
    "TrackInfo",
    "Window",
    "decode_audio",
    "decode_live",
    "plan_windows",
    "stitch",
]
