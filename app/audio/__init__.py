"""Bytes in any accepted format in; 16 kHz mono float32 in blocks, and windows over it, out."""

from app.audio.decode import decode_audio
from app.audio.info import AudioInfo, TrackInfo
from app.audio.limits import AudioLimits
from app.audio.options import DecodeOptions
from app.audio.piped import decode_piped
from app.audio.raw import RawFormat
from app.audio.recording import SAMPLE_RATE, Recording, Samples
from app.audio.windows import Window, plan_windows, stitch

__all__ = [
    "SAMPLE_RATE",
    "AudioInfo",
    "AudioLimits",
    "DecodeOptions",
    "RawFormat",
    "Recording",
    "Samples",
    "TrackInfo",
    "Window",
    "decode_audio",
    "decode_piped",
    "plan_windows",
    "stitch",
]
