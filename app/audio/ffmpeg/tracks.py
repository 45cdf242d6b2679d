"""The audio tracks of a file: what they are, and which of them is read.

An open container and the sender's choice flow in, a track and an `AudioInfo` flow out.
"""

import av

from app.audio.ffmpeg.frames import settle_layout
from app.audio.info import AudioInfo, TrackInfo
from app.errors import AudioError, UnsupportedAudioError

# Codes that name one language: ISO 639-1, 639-2/T and 639-2/B of those that recordings here have.
_SAME = (
    *(("nb", "nob"), ("nn", "nno"), ("no", "nor"), ("da", "dan"), ("sv", "swe"), ("fi", "fin")),
    *(("is", "isl", "ice"), ("fo", "fao"), ("kl", "kal"), ("en", "eng"), ("de", "deu", "ger")),
    *(("fr", "fra", "fre"), ("es", "spa"), ("it", "ita"), ("nl", "nld", "dut"), ("pl", "pol")),
    *(("pt", "por"), ("ru", "rus"), ("uk", "ukr"), ("ar", "ara"), ("so", "som"), ("tr", "tur")),
    *(("se", "sme"), ("smj", "smj"), ("sma", "sma"), ("fkv", "fkv"), ("et", "est")),
)
_CANONICAL = {code: codes[0] for codes in _SAME for code in codes}
# A file that says Norwegian means one of its two written forms, hardly the other way round.
_NORWEGIAN = {"no": ("nb", "nn"), "nb": ("no",), "nn": ("no",)}


class Tracks:
    """The audio tracks of an open container.

    Args:
        container: open for reading.
        name: of the container, for messages.
    """

    def __init__(self, container: "av.container.InputContainer", name: str) -> None:
        self._container = container
        self._name = name
        self._streams = container.streams.audio
        self.infos = tuple(_info(index, stream) for index, stream in enumerate(self._streams))

    def choose(self, wanted: str | None) -> int:
        """The index of the track to read.

        Args:
            wanted: an index or a language tag; None takes what FFmpeg calls best.

        Raises:
            AudioError: there is no audio track, or none like that.
            UnsupportedAudioError: the track is in a codec that FFmpeg cannot decode.
        """
        if not self._streams:
            found = ", ".join(sorted({stream.type for stream in self._container.streams}))
            raise AudioError(
                f"The {self._name} file has no audio track"
                + (f"; what it has is: {found}." if found else ".")
            )
        index = self._best() if wanted is None else self._find(wanted.strip())
        if getattr(self._streams[index], "codec_context", None) is None:
            raise UnsupportedAudioError(
                f"The audio track of the {self._name} file is in a codec that is not supported, "
                "or it is encrypted."
            )
        return index

    def info(self, index: int) -> AudioInfo:
        """What the file is, once the track of that index is read."""
        return AudioInfo(self._name, self.infos, index)

    def stream(self, index: int) -> av.AudioStream:
        """FFmpeg's stream of the track of that index."""
        return self._streams[index]

    def _best(self) -> int:
        best = self._container.streams.best("audio")
        # Among the tracks with a decoder there may be none; one that cannot be decoded counts too.
        return (
            next((index for index, stream in enumerate(self._streams) if stream is best), 0)
            if best is not None
            else 0
        )

    def _find(self, wanted: str) -> int:
        return find_track(self.infos, wanted, self._name)


def find_track(tracks: tuple[TrackInfo, ...], wanted: str, name: str) -> int:
    """The index of the track that a sender chose.

    Args:
        tracks: at least one.
        wanted: an index, or a language tag as in `nob`, `nb` or `nb-NO`.
        name: of the container, for the message.

    Raises:
        AudioError: there is no such track; the message lists those there are.
    """
    if wanted.isascii() and wanted.isdecimal() and int(wanted) < len(tracks):
        return int(wanted)
    language = _canonical(wanted)
    for accepted in (language, *_NORWEGIAN.get(language, ())):
        for track in tracks:
            if track.language is not None and _canonical(track.language) == accepted:
                return track.index
    listed = "; ".join(
        f"{track.index} ({track.codec or 'unknown codec'}"
        + (f", {track.language})" if track.language else ")")
        for track in tracks
    )
    raise AudioError(
        f"The {name} file has no audio track {wanted!r}. It has: {listed}. Send the number of one, "
        "or its language.",
        param="track",
    )


def _canonical(tag: str) -> str:
    code = tag.lower().replace("_", "-").split("-", maxsplit=1)[0]
    return _CANONICAL.get(code, code)


def _info(index: int, stream: av.AudioStream) -> TrackInfo:
    language = stream.language
    if language in {"und", ""}:
        language = None
    context = getattr(stream, "codec_context", None)
    if context is None:
        return TrackInfo(index, "", 0, 0, language)
    return TrackInfo(
        index,
        context.codec.canonical_name,
        settle_layout(context),
        context.sample_rate or 0,
        language,
    )
