"""Reads compressed audio and the sound of videos by FFmpeg, in blocks at the stream's own rate."""

from collections.abc import Iterator
from functools import cache
from typing import BinaryIO, cast

import av
import av.error
import numpy as np
import numpy.typing as npt

from app.audio.blocks import BLOCK_VALUES, Block, Mixer
from app.audio.containers.formats import FORMATS, Container
from app.audio.containers.sniff import Sniffed
from app.audio.ffmpeg.damage import DamageTracker
from app.audio.ffmpeg.frames import keep_layout, samples_of
from app.audio.ffmpeg.timeline import Timeline
from app.audio.ffmpeg.tracks import Tracks
from app.audio.info import AudioInfo, NoticeCollector
from app.audio.options import AudioLimits, check_signal
from app.errors import AudioError, UnsupportedAudioError

_READ_BYTES = 131_072
# Where timestamps start with the recording but the sound starts later than this, the file is a
# piece of something longer, unless its header declares a duration that includes the time before.
_MAX_UNDECLARED_START = 60.0

# The first packet of Vorbis decodes to no samples, but FFmpeg counts its duration. Of WMA it drops
# two packets, one of which is the delay of the encoder, whose length ASF does not declare.
_COUNTED_TWICE = {"vorbis": 1.0, "wmav1": 0.5, "wmav2": 0.5}
_MAX_DELAY = 0.5
_MAX_EMPTY = 100

_Kind = tuple[int, int]


class PyAVReader:
    """Decodes one audio track of one stream; see `Reader`.

    Args:
        stream: at its beginning; seekable, unless its container can be read without seeking.
        sniffed: its container.
        limits: of tracks, channels and duration.
        notices: collects the warnings.
        track: index or language tag of the track; None takes what FFmpeg considers best.
        channel: the only channel to read, from 0; None mixes them.
        block_values: frames are joined to blocks of so many values; 1 yields each frame at once.

    Raises:
        AudioError: the header is damaged, there is no such audio track or there are no samples, or
            the rate or channel count is not accepted.
        UnsupportedAudioError: FFmpeg cannot decode the codec of the audio track.
    """

    def __init__(
        self,
        stream: BinaryIO,
        sniffed: Sniffed,
        *,
        limits: AudioLimits,
        notices: NoticeCollector,
        track: str | None = None,
        channel: int | None = None,
        block_values: int = BLOCK_VALUES,
    ) -> None:
        self._sniffed = sniffed
        self._channel = channel
        self._form = FORMATS[sniffed.container]
        self._name = sniffed.container.value
        self._limits = limits
        self._notices = notices
        self._block_values = block_values
        self._container = _open(stream, sniffed, limits)
        try:
            if len(self._container.streams) > limits.max_tracks:
                raise _too_many_tracks(self._name, limits)
            tracks = Tracks(self._container, self._name)
            index = tracks.choose(track)
        except AudioError:
            self.close()
            raise
        self.info: AudioInfo = tracks.info(index)
        self._track = tracks.stream(index)
        self._track.codec_context.thread_count = 1
        for other in self._container.streams:
            if other is not self._track:
                other.discard = av.stream.Discard.all
        self._timeline = Timeline(limits, splices=self._form.splices, on_jump=self._on_jump)
        self._damage = DamageTracker(stream, sniffed, self._track, notices)
        self._origin = self._begin()
        self._late_share = _COUNTED_TWICE.get(tracks.infos[index].codec, 0.0)
        self._first: int | None = None
        self._last: int | None = None
        self._delay: float | None = None

    @property
    def declared(self) -> float | None:
        """Seconds that the header or the index declares reliably; None otherwise."""
        container = self._sniffed.container
        if container is Container.MP3:
            return self._sniffed.seconds
        if self._form.counts_samples and self._track.duration is not None:
            return float(self._track.duration * (self._track.time_base or 0))
        # In a video, the duration in the header may be that of the pictures.
        alone = len(self._container.streams) == 1
        if container is Container.MATROSKA and alone and self._container.duration:
            return float(self._container.duration) / av.time_base
        return None

    def blocks(self) -> Iterator[Block]:
        """Yields the audio in order, with silence where timestamps leave a gap; see `Reader`."""
        kind: _Kind | None = None
        mixer = Mixer(self._channel)
        pending: list[npt.NDArray[np.float32]] = []
        values = 0
        for frame in self._frames():
            keep_layout(frame)
            rate, channels = frame.sample_rate, frame.layout.nb_channels
            check_signal(rate, channels, self._limits.max_channels)
            placement = self._timeline.place(self._time(frame), frame.samples, rate)
            if (
                pending
                and kind is not None
                and (kind != (rate, channels) or placement.silence or values >= self._block_values)
            ):
                yield Block(mixer.mix(_joined(pending)), kind[0])
                pending, values = [], 0
            kind = (rate, channels)
            yield from _silence(placement.silence, rate)
            samples = self._samples(frame)[placement.cut :]
            if len(samples):
                pending.append(samples)
                values += samples.size
        if pending and kind is not None:
            yield Block(mixer.mix(_joined(pending)), kind[0])
        if kind is not None:
            self._damage.check_end(self.declared, self._timeline.end)

    def close(self) -> None:
        """Releases the decoder; the stream stays open."""
        self._container.close()

    def _begin(self) -> float | None:
        """Returns the timestamp at which the recording begins, in seconds; None where unknown."""
        first = cast("int | None", self._container.start_time)
        if first is None:
            return 0.0 if self._form.starts_at_zero else None
        start: float = first / av.time_base
        if not self._form.starts_at_zero or start <= 0:
            return start
        declared = (self._container.duration or 0) / av.time_base
        return 0.0 if start <= max(_MAX_UNDECLARED_START, declared) else start

    def _time(self, frame: av.AudioFrame) -> float | None:
        """Returns when a frame begins, in seconds from the beginning; None without a timestamp."""
        base = self._track.time_base
        # Where the file has no timestamps, FFmpeg derives them from the bit rate.
        if frame.pts is None or base is None or (self._form.resyncs and not self._form.splices):
            return None
        # RealMedia gives all packets of one block the timestamp of the first.
        if frame.pts == self._last:
            return None
        self._last = frame.pts
        if self._delay is None:
            late = float((frame.pts - self._first) * base) if self._first is not None else 0.0
            self._delay = self._late_share * late if 0 < late < _MAX_DELAY else 0.0
        at = float(frame.pts * base) - self._delay
        if self._origin is None:
            self._origin = at
        return at - self._origin

    def _on_jump(self, seconds: float) -> None:
        # Chained Ogg streams have timestamps of their own each.
        if self._sniffed.container is not Container.OGG:
            self._notices.add(
                "timestamp_jump",
                f"The clock of the {self._name} file jumps by {seconds:+,.1f} s near "
                f"{self._timeline.end:.2f} s; the audio continues there without a gap.",
            )

    def _frames(self) -> Iterator[av.AudioFrame]:
        """Yields all frames of the track that can be decoded."""
        for packet in self._packets():
            if packet is not None and packet.has_sidedata("encryption_info"):
                raise UnsupportedAudioError(
                    f"The {self._name} file is encrypted. Send it without copy protection."
                )
            if packet is not None and not self._damage.should_decode(packet, self._timeline.end):
                continue
            try:
                frames = self._track.codec_context.decode(packet)
            except EOFError:
                return
            except (av.error.FFmpegError, ValueError):
                self._damage.on_decode_error(packet, self._timeline.end)
                continue
            if self._late_share and self._first is None and packet is not None:
                self._first = packet.pts
            for frame in frames:
                if frame.samples and frame.sample_rate:
                    self._damage.on_decoded(self._timeline.end)
                    yield frame

    def _packets(self) -> Iterator["av.Packet[av.AudioStream] | None"]:
        """Yields all packets of the track, then None to flush the decoder."""
        for _ in range(_MAX_EMPTY):
            try:
                for packet in self._container.demux(self._track):
                    # PyAV ends with an empty packet of its own.
                    if packet.size or packet.dts is not None:
                        yield packet
            except IndexError:
                # At the very end PyAV looks up tracks that appeared only while it was reading.
                break
            except (av.error.FFmpegError, ValueError) as error:
                if self._sniffed.container is not Container.OGG:
                    raise AudioError(f"The {self._name} file is damaged or cut short.") from error
                # FFmpeg's reader of Opus in Ogg stops at an empty packet, and can continue.
                self._damage.on_empty_packet(self._timeline.end)
            else:
                break
        else:
            raise AudioError(f"The {self._name} file is damaged.")
        yield None

    def _samples(self, frame: av.AudioFrame) -> npt.NDArray[np.float32]:
        try:
            return samples_of(frame)
        except ValueError as error:
            raise AudioError(f"The {self._name} file is damaged.") from error


def _open(stream: BinaryIO, sniffed: Sniffed, limits: AudioLimits) -> "av.container.InputContainer":
    if stream.seekable():
        stream.seek(0)
    name = sniffed.container.value
    try:
        # FFmpeg must not guess the demuxer: some read playlists, which name files and addresses.
        return av.open(
            stream,
            mode="r",
            format=FORMATS[sniffed.container].demuxer,
            metadata_errors="replace",
            buffer_size=_READ_BYTES,
            io_open=_refuse_to_open,
            options={
                # Without this, opening a video would decode its first pictures.
                "codec_whitelist": _audio_decoders(),
                # One more than accepted, so that too many are noticed.
                "max_streams": str(limits.max_tracks + 1),
            },
        )
    except av.error.EOFError as error:
        raise AudioError(f"The {name} file holds no audio samples.") from error
    except MemoryError as error:
        raise _too_many_tracks(name, limits) from error
    except (av.error.FFmpegError, ValueError) as error:
        raise AudioError(
            f"The {name} file cannot be opened: its header is damaged or not complete."
        ) from error


def _too_many_tracks(name: str, limits: AudioLimits) -> AudioError:
    return AudioError(
        f"The {name} file has more than the {limits.max_tracks} tracks that are accepted."
    )


def _refuse_to_open(*_: object) -> object:
    """Opens no other file or address that a file names."""
    raise PermissionError("a recording is one file")


@cache
def _audio_decoders() -> str:
    names = (name for name in sorted(av.codecs_available) if _is_audio_decoder(name))
    return ",".join(names)


def _is_audio_decoder(name: str) -> bool:
    try:
        return bool(av.Codec(name, "r").type == "audio")
    except av.codec.codec.UnknownCodecError:
        return False


def _joined(arrays: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _silence(samples: int, rate: int) -> Iterator[Block]:
    while samples > 0:
        size = min(samples, BLOCK_VALUES)
        yield Block(np.zeros(size, dtype=np.float32), rate)
        samples -= size
