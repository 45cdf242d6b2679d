"""Compressed audio and the sound of videos by FFmpeg.

A stream and its container flow in, blocks at the stream's own rate flow out.
"""

import math
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

import av
import av.error
import numpy as np
import numpy.typing as npt

from app.audio.limits import check_signal
from app.audio.reader import BLOCK_VALUES
from app.audio.resample import Block, mix_down
from app.audio.sniff import Container, Sniffed
from app.errors import AudioError, UnsupportedAudioError

# The demuxer is never guessed: among FFmpeg's there are playlists that name files and addresses.
_DEMUXERS = {
    Container.WAV: "wav",
    Container.RF64: "wav",
    Container.W64: "w64",
    Container.AIFF: "aiff",
    Container.AU: "au",
    Container.CAF: "caf",
    Container.NIST: "nistsphere",
    Container.FLAC: "flac",
    Container.OGG: "ogg",
    Container.MP3: "mp3",
    Container.MP4: "mov",
    Container.MATROSKA: "matroska",
    Container.ADTS: "aac",
    Container.MPEG_TS: "mpegts",
    Container.MPEG_PS: "mpeg",
    Container.AVI: "avi",
    Container.ASF: "asf",
    Container.AMR: "amr",
    Container.FLV: "flv",
}
# These may be recorded from a broadcast, beginning and ending within a frame.
_CUT_ANYWHERE = {Container.MP3, Container.ADTS, Container.MPEG_TS, Container.MPEG_PS}
_READ_BYTES = 131_072
# Twice the encoder delay and padding of MP3 at 8 kHz, the longest there is; Opus has 80 ms.
_TOLERANCE_SECONDS = 0.4

_FrameKind = tuple[int, int, str]


class PyAVReader:
    """Decodes the audio track of one stream; see `Reader`.

    Args:
        stream: at its beginning, and seekable unless its container can be read as it comes.
        sniffed: what it is.
        block_values: how much is joined to one block; 1 hands over each frame as it is decoded.

    Raises:
        AudioError: its header is damaged, it has no audio track or no samples, or its rate or
            channel count is not accepted.
        UnsupportedAudioError: its audio track is in a codec that FFmpeg cannot decode.
    """

    tolerance = _TOLERANCE_SECONDS

    def __init__(
        self, stream: BinaryIO, sniffed: Sniffed, *, block_values: int = BLOCK_VALUES
    ) -> None:
        if stream.seekable():
            stream.seek(0)
        self._sniffed = sniffed
        self._block_values = block_values
        self._name = sniffed.container.value
        try:
            self._container = av.open(
                stream,
                mode="r",
                format=_DEMUXERS[sniffed.container],
                metadata_errors="replace",
                buffer_size=_READ_BYTES,
                # Without this, looking into a video would decode its first pictures.
                options={"codec_whitelist": _audio_decoders()},
            )
        except av.error.EOFError as error:
            raise AudioError(f"The {self._name} file holds no audio samples.") from error
        except (av.error.FFmpegError, ValueError) as error:
            raise AudioError(
                f"The {self._name} file cannot be opened: its header is damaged or not complete."
            ) from error
        try:
            self._track = self._audio_track()
        except AudioError:
            self.close()
            raise

    @property
    def declared(self) -> float | None:
        """Seconds that the header promises, where it counts samples or the index does."""
        if self._sniffed.container is Container.MP3:
            return self._sniffed.seconds
        if self._sniffed.container is Container.OGG and self._track.duration is not None:
            return float(self._track.duration * (self._track.time_base or 0))
        # With pictures, the duration in the header may be theirs.
        alone = len(self._container.streams) == 1
        if self._sniffed.container is Container.MATROSKA and alone:
            return (self._container.duration or 0) / av.time_base
        return None

    def blocks(self) -> Iterator[Block]:
        """The audio in order; see `Reader`."""
        kind: _FrameKind | None = None
        pending: list[npt.NDArray[np.generic]] = []
        values = 0
        for frame in self._frames():
            check_signal(frame.sample_rate, frame.layout.nb_channels)
            this = (frame.sample_rate, frame.layout.nb_channels, frame.format.name)
            if kind is not None and (kind != this or values >= self._block_values):
                yield _block(pending, kind)
                pending, values = [], 0
            kind = this
            pending.append(_samples(frame))
            values += pending[-1].size
        if kind is not None:
            yield _block(pending, kind)

    def close(self) -> None:
        """Let go of the decoder; the stream itself stays open."""
        self._container.close()

    def _audio_track(self) -> av.AudioStream:
        tracks = self._container.streams
        track = tracks.best("audio")
        if not isinstance(track, av.AudioStream):
            # Among the tracks with a decoder there is no audio; an undecodable one still counts.
            track = next(iter(tracks.audio), None)
        if track is None:
            found = ", ".join(sorted({stream.type for stream in tracks}))
            raise AudioError(
                f"The {self._name} file has no audio track"
                + (f"; what it has is: {found}." if found else ".")
            )
        if getattr(track, "codec_context", None) is None:
            raise UnsupportedAudioError(
                f"The audio track of the {self._name} file is in a codec that is not supported, "
                "or it is encrypted."
            )
        return track

    def _frames(self) -> Iterator[av.AudioFrame]:
        """All frames of the track; damage within the audio is an error, at a cut end it is not."""
        seconds, damaged_at = 0.0, None
        lenient = self._sniffed.container in _CUT_ANYWHERE
        for packet in self._packets():
            if packet.has_sidedata("encryption_info"):
                raise UnsupportedAudioError(
                    f"The {self._name} file is encrypted. Send it without copy protection."
                )
            try:
                frames = self._track.decode(packet)
            except (av.error.FFmpegError, ValueError) as error:
                if not lenient:
                    raise self._damaged(seconds) from error
                damaged_at = seconds if seconds else None
                continue
            for frame in frames:
                if damaged_at is not None:
                    raise self._damaged(damaged_at)
                if frame.samples and frame.sample_rate:
                    seconds += frame.samples / frame.sample_rate
                    yield frame

    def _packets(self) -> Iterator["av.Packet[av.AudioStream]"]:
        try:
            yield from self._container.demux(self._track)
        except IndexError:
            # At the very end PyAV asks for tracks that turned up only while it was reading.
            return
        except (av.error.FFmpegError, ValueError) as error:
            raise AudioError(f"The {self._name} file is damaged or cut short.") from error

    def _damaged(self, seconds: float) -> AudioError:
        return AudioError(f"The {self._name} file is damaged: decoding fails near {seconds:.2f} s.")


@cache
def _audio_decoders() -> str:
    names = (name for name in sorted(av.codecs_available) if _is_audio_decoder(name))
    return ",".join(names)


def _is_audio_decoder(name: str) -> bool:
    try:
        return bool(av.Codec(name, "r").type == "audio")
    except av.codec.codec.UnknownCodecError:
        return False


def _samples(frame: av.AudioFrame) -> npt.NDArray[np.generic]:
    try:
        return frame.to_ndarray()
    except ValueError as error:
        raise UnsupportedAudioError(
            f"Samples of the kind {frame.format.name} are not supported."
        ) from error


def _block(arrays: list[npt.NDArray[np.generic]], kind: _FrameKind) -> Block:
    """Join decoded frames of one kind.

    Args:
        arrays: planar [channels, samples] each, or packed [1, samples * channels].
        kind: sample rate, channels, FFmpeg's name of the sample format.
    """
    rate, channels, sample_format = kind
    if sample_format.endswith("p"):
        frames = np.concatenate(arrays, axis=1).T
    else:
        frames = np.concatenate(arrays, axis=1).reshape(-1, channels)
    return Block(mix_down(_as_float(frames)), rate)


def _as_float(frames: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Integers scaled to -1..1, floats as they are."""
    if frames.dtype.kind == "f":
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            return frames.astype(np.float32, copy=False)
    scale = math.ldexp(1.0, 1 - 8 * frames.dtype.itemsize)
    scaled: npt.NDArray[np.float32] = frames.astype(np.float32) * np.float32(scale)
    if frames.dtype.kind == "u":
        scaled -= 1.0
    return scaled
