"""What is wrong with a stream that FFmpeg reads: passed over with a notice, or refused.

Packets that can and cannot be decoded flow in; notices and refusals flow out. A file that was cut
short is refused, so that nothing is lost in silence. One that a player plays to its end is read to
its end.
"""

from typing import BinaryIO

import av

from app.audio.containers.elementary_streams import ends_whole
from app.audio.containers.formats import FORMATS, Container
from app.audio.containers.sniff import Sniffed
from app.audio.info import Findings
from app.errors import AudioError

# Twice the encoder delay and padding of MP3 at 8 kHz, the longest there is; Opus has 80 ms.
_TOLERANCE_SECONDS = 0.4
# A player hardly stumbles over this much; more than this is a recording with a hole in it.
_MAX_LOST_SECONDS = 0.5
# For packets that do not say how long they are.
_PACKET_SECONDS = 0.02
_TAIL_BYTES = 65_536
# An index or tags behind the audio are smaller, against the whole file.
_TRAILER_SHARE = 0.05
_TRAILER_BYTES = 4_096
# Frame types of AMR without sound: comfort noise, lost, no data (3GPP TS 26.101 and 26.201).
_SILENT_TYPES = {"amrnb": {8, 15}, "amr_nb": {8, 15}, "amrwb": {9, 14, 15}, "amr_wb": {9, 14, 15}}


class Damage:
    """Keeps account of what is lost in one track.

    Args:
        stream: the bytes; looked at again at the end where it is seekable.
        sniffed: what it is.
        track: that is read.
        findings: takes what is noticed.
    """

    def __init__(
        self, stream: BinaryIO, sniffed: Sniffed, track: av.AudioStream, findings: Findings
    ) -> None:
        self._stream = stream
        self._sniffed = sniffed
        self._track = track
        self._findings = findings
        self._name = sniffed.container.value
        self._resyncs = FORMATS[sniffed.container].resyncs
        self._silent_types = _SILENT_TYPES.get(track.codec_context.codec.canonical_name, set())
        self._any = False
        self._pending = False
        self._bad = 0.0
        self._lost = 0.0
        self._next: int | None = None
        self._read_to = 0

    def admit(self, packet: "av.Packet[av.AudioStream]", at: float) -> bool:
        """Whether a packet is to be decoded; notes what was skipped before it.

        Args:
            packet: from the track.
            at: where the audio so far ends, in seconds.

        Raises:
            AudioError: notices are refused.
        """
        if packet.pos is not None:
            skipped = packet.pos - self._next if self._next is not None else 0
            if self._resyncs and skipped > 0 and self._any and self._follows():
                self._findings.add(
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
        self.empty(at)
        return False

    def failed(self, packet: "av.Packet[av.AudioStream] | None", at: float) -> None:
        """Note a packet that cannot be decoded.

        Args:
            packet: None where the decoder failed to give what it still held.
            at: where the audio so far ends, in seconds.

        Raises:
            AudioError: notices are refused.
        """
        if packet is None:
            self._pending = True
            return
        if self._silent_types and packet.size and bytes(packet)[0] >> 3 & 0xF in self._silent_types:
            self._findings.add(
                "no_data_frames",
                f"The {self._name} file has frames without sound near {at:.2f} s; they are "
                "silence.",
            )
            return
        self._pending = True
        base = self._track.time_base
        seconds = float(packet.duration * base) if packet.duration and base else 0.0
        self._bad += seconds or _PACKET_SECONDS

    def empty(self, at: float) -> None:
        """Note that a packet has no content.

        Args:
            at: where the audio so far ends, in seconds.

        Raises:
            AudioError: notices are refused.
        """
        self._findings.add(
            "empty_packets",
            f"The {self._name} file has a packet without content near {at:.2f} s; it was passed "
            "over.",
        )

    def decoded(self, at: float) -> None:
        """Note that decoding succeeded; what failed before is behind it then.

        Args:
            at: where the audio so far ends, in seconds.

        Raises:
            AudioError: more is lost than is passed over, or notices are refused.
        """
        pending, self._pending = self._pending, False
        if not pending or (self._resyncs and not self._any):
            # A recorded broadcast begins within a frame.
            self._any, self._bad = True, 0.0
            return
        self._any = True
        self._lost += self._bad
        if self._resyncs:
            self._findings.add(
                "resynchronised",
                f"{self._bad:.2f} s of the {self._name} file near {at:.2f} s cannot be decoded; "
                "they were passed over.",
            )
        elif self._lost > _MAX_LOST_SECONDS:
            raise self._damaged(at)
        else:
            self._findings.add(
                "missing_data",
                f"{self._bad:.2f} s of the {self._name} file near {at:.2f} s cannot be decoded; "
                "they are silence.",
            )
        self._bad = 0.0

    def check_end(self, declared: float | None, end: float) -> None:
        """Compare what was decoded with what was promised.

        Args:
            declared: seconds that the header promises, where it does.
            end: where the audio ends, in seconds.

        Raises:
            AudioError: the file was cut short, or notices are refused.
        """
        if self._pending and not self._resyncs:
            raise self._damaged(end)
        if declared is not None and self._stream.seekable():
            if end < declared - _TOLERANCE_SECONDS:
                self._shorter(declared, end)
            elif self._sniffed.container is Container.MP3 and end > declared + _TOLERANCE_SECONDS:
                self._wrong_header(declared, end)
        if self._cut_tail():
            self._findings.add(
                "incomplete_last_frame",
                f"The {self._name} file ends within a frame, at {end:.2f} s; the rest of that "
                "frame is lost.",
            )

    def _shorter(self, declared: float, end: float) -> None:
        if self._sniffed.container is Container.MP3 and ends_whole(self._tail()):
            self._wrong_header(declared, end)
            return
        unread = self._sniffed.size - self._sniffed.start - self._read_to
        trailer = max(_TRAILER_BYTES, _TRAILER_SHARE * self._sniffed.size)
        if self._sniffed.container is Container.MATROSKA and self._read_to and unread < trailer:
            self._findings.add(
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
        self._findings.add(
            "wrong_length_header",
            f"The header of the {self._name} file counts {declared:.2f} s; the file holds "
            f"{end:.2f} s, and all of it was read.",
        )

    def _cut_tail(self) -> bool:
        """Whether the stream ends within a frame."""
        if self._sniffed.container is Container.MP3 and self._stream.seekable():
            # The decoder never gets the rest of a frame, and stumbles over zeros behind the last.
            return not ends_whole(self._tail())
        return self._pending

    def _tail(self) -> bytes:
        size = self._sniffed.size - self._sniffed.start
        self._stream.seek(max(0, size - _TAIL_BYTES))
        return self._stream.read(_TAIL_BYTES)

    def _follows(self) -> bool:
        # Where packets come out of several tracks, what is between them is the others'.
        return not FORMATS[self._sniffed.container].splices

    def _damaged(self, seconds: float) -> AudioError:
        return AudioError(f"The {self._name} file is damaged: decoding fails near {seconds:.2f} s.")
