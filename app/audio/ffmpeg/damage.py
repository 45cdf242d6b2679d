"""Tracks damage in a stream that FFmpeg reads: small damage is a warning, other is refused.

A file that was cut short is refused, so that nothing is lost silently. A file that a player plays
to its end is read to its end.
"""

from typing import BinaryIO

import av

from app.audio.containers.elementary_streams import ends_with_whole_frame
from app.audio.containers.formats import FORMATS, Container
from app.audio.containers.sniff import Sniffed
from app.audio.info import NoticeCollector
from app.errors import AudioError

# Twice the encoder delay and padding of MP3 at 8 kHz, the longest there is; Opus has 80 ms.
_TOLERANCE_SECONDS = 0.4
# A player skips this much unnoticed; a larger loss is a recording with a hole in it.
_MAX_LOST_SECONDS = 0.5
# For packets without a duration.
_PACKET_SECONDS = 0.02
_TAIL_BYTES = 65_536
# An index or tags after the audio are a smaller share of the file.
_TRAILER_SHARE = 0.05
_TRAILER_BYTES = 4_096
# Frame types of AMR without sound: comfort noise, lost, no data (3GPP TS 26.101 and 26.201).
_SILENT_TYPES = {"amrnb": {8, 15}, "amr_nb": {8, 15}, "amrwb": {9, 14, 15}, "amr_wb": {9, 14, 15}}


class DamageTracker:
    """Tracks what is lost in one audio track.

    Args:
        stream: the bytes; its tail is read at the end where it is seekable.
        sniffed: its container.
        track: the track that is decoded.
        notices: collects the warnings.
    """

    def __init__(
        self, stream: BinaryIO, sniffed: Sniffed, track: av.AudioStream, notices: NoticeCollector
    ) -> None:
        self._stream = stream
        self._sniffed = sniffed
        self._track = track
        self._notices = notices
        self._name = sniffed.container.value
        self._resyncs = FORMATS[sniffed.container].resyncs
        self._silent_types = _SILENT_TYPES.get(track.codec_context.codec.canonical_name, set())
        self._any = False
        self._pending = False
        self._bad = 0.0
        self._lost = 0.0
        self._next: int | None = None
        self._read_to = 0

    def should_decode(self, packet: "av.Packet[av.AudioStream]", at: float) -> bool:
        """Returns whether to decode a packet; warns of bytes that were skipped before it.

        Args:
            packet: of the track.
            at: end of the audio so far, in seconds.

        Raises:
            AudioError: warnings are refused.
        """
        if packet.pos is not None:
            skipped = packet.pos - self._next if self._next is not None else 0
            if self._resyncs and skipped > 0 and self._any and self._is_contiguous():
                self._notices.add(
                    "resynchronised",
                    f"{skipped:,} bytes of the {self._name} file near {at:.2f} s belong to no "
                    "frame; they were passed over.",
                )
            self._next = packet.pos + packet.size
            self._read_to = max(self._read_to, self._next)
        if packet.size:
            return True
        if packet.has_sidedata("new_extradata"):
            return True
        self.on_empty_packet(at)
        return False

    def on_decode_error(self, packet: "av.Packet[av.AudioStream] | None", at: float) -> None:
        """Counts a packet that cannot be decoded.

        Args:
            packet: None where flushing the decoder failed.
            at: end of the audio so far, in seconds.

        Raises:
            AudioError: warnings are refused.
        """
        if packet is None:
            self._pending = True
            return
        if self._silent_types and packet.size and bytes(packet)[0] >> 3 & 0xF in self._silent_types:
            self._notices.add(
                "no_data_frames",
                f"The {self._name} file has frames without sound near {at:.2f} s; they are "
                "silence.",
            )
            return
        self._pending = True
        base = self._track.time_base
        seconds = float(packet.duration * base) if packet.duration and base else 0.0
        self._bad += seconds or _PACKET_SECONDS

    def on_empty_packet(self, at: float) -> None:
        """Warns of a packet without content.

        Args:
            at: end of the audio so far, in seconds.

        Raises:
            AudioError: warnings are refused.
        """
        self._notices.add(
            "empty_packets",
            f"The {self._name} file has a packet without content near {at:.2f} s; it was passed "
            "over.",
        )

    def on_decoded(self, at: float) -> None:
        """Warns of what failed before, now that decoding succeeds again.

        Args:
            at: end of the audio so far, in seconds.

        Raises:
            AudioError: too much is lost, or warnings are refused.
        """
        pending, self._pending = self._pending, False
        if not pending or (self._resyncs and not self._any):
            # A recorded broadcast begins within a frame.
            self._any, self._bad = True, 0.0
            return
        self._any = True
        self._lost += self._bad
        if self._resyncs:
            self._notices.add(
                "resynchronised",
                f"{self._bad:.2f} s of the {self._name} file near {at:.2f} s cannot be decoded; "
                "they were passed over.",
            )
        elif self._lost > _MAX_LOST_SECONDS:
            raise self._damaged(at)
        else:
            self._notices.add(
                "missing_data",
                f"{self._bad:.2f} s of the {self._name} file near {at:.2f} s cannot be decoded; "
                "they are silence.",
            )
        self._bad = 0.0

    def check_end(self, declared: float | None, end: float) -> None:
        """Compares the decoded duration with the declared one.

        Args:
            declared: seconds that the header declares; None where it declares none.
            end: where the audio ends, in seconds.

        Raises:
            AudioError: the file was cut short, or warnings are refused.
        """
        if self._pending and not self._resyncs:
            raise self._damaged(end)
        if declared is not None and self._stream.seekable():
            if end < declared - _TOLERANCE_SECONDS:
                self._shorter(declared, end)
            elif self._sniffed.container is Container.MP3 and end > declared + _TOLERANCE_SECONDS:
                self._wrong_header(declared, end)
        if self._cut_tail():
            self._notices.add(
                "incomplete_last_frame",
                f"The {self._name} file ends within a frame, at {end:.2f} s; the rest of that "
                "frame is lost.",
            )

    def _shorter(self, declared: float, end: float) -> None:
        if self._sniffed.container is Container.MP3 and ends_with_whole_frame(self._tail()):
            self._wrong_header(declared, end)
            return
        unread = self._sniffed.size - self._sniffed.start - self._read_to
        trailer = max(_TRAILER_BYTES, _TRAILER_SHARE * self._sniffed.size)
        if self._sniffed.container is Container.MATROSKA and self._read_to and unread < trailer:
            self._notices.add(
                "missing_data",
                f"The {self._name} file declares {declared:.2f} s, and its audio ends at "
                f"{end:.2f} s, where the file does.",
            )
            return
        raise AudioError(
            f"The {self._name} file is damaged or cut short: it declares {declared:.2f} s, but "
            f"only {end:.2f} s can be decoded."
        )

    def _wrong_header(self, declared: float, end: float) -> None:
        self._notices.add(
            "wrong_length_header",
            f"The header of the {self._name} file counts {declared:.2f} s; the file holds "
            f"{end:.2f} s, and all of it was read.",
        )

    def _cut_tail(self) -> bool:
        """Returns whether the stream ends within a frame."""
        if self._sniffed.container is Container.MP3 and self._stream.seekable():
            # The decoder never receives an incomplete frame, and fails on zeros after the last one.
            return not ends_with_whole_frame(self._tail())
        return self._pending

    def _tail(self) -> bytes:
        size = self._sniffed.size - self._sniffed.start
        self._stream.seek(max(0, size - _TAIL_BYTES))
        return self._stream.read(_TAIL_BYTES)

    def _is_contiguous(self) -> bool:
        # Where several tracks are interleaved, the bytes between two packets belong to the others.
        return not FORMATS[self._sniffed.container].splices

    def _damaged(self, seconds: float) -> AudioError:
        return AudioError(f"The {self._name} file is damaged: decoding fails near {seconds:.2f} s.")
