"""The audio tracks of a file, and the choice of the one that is read."""

import av

from app.audio.ffmpeg.frames import use_safe_layout
from app.audio.info import AudioInfo, TrackInfo
from app.errors import AudioError, UnsupportedAudioError

# Codes of the same language in ISO 639-1, 639-2/T and 639-2/B.
_SAME = (
    *(("nb", "nob"), ("nn", "nno"), ("no", "nor"), ("da", "dan"), ("sv", "swe"), ("fi", "fin")),
    *(("is", "isl", "ice"), ("fo", "fao"), ("kl", "kal"), ("en", "eng"), ("de", "deu", "ger")),
    *(("fr", "fra", "fre"), ("es", "spa"), ("it", "ita"), ("nl", "nld", "dut"), ("pl", "pol")),
    *(("pt", "por"), ("ru", "rus"), ("uk", "ukr"), ("ar", "ara"), ("so", "som"), ("tr", "tur")),
    *(("se", "sme"), ("smj", "smj"), ("sma", "sma"), ("fkv", "fkv"), ("et", "est")),
)
_CANONICAL = {code: codes[0] for codes in _SAME for code in codes}
# A file tagged as Norwegian is in one of the two written languages.
_NORWEGIAN = {"no": ("nb", "nn"), "nb": ("no",), "nn": ("no",)}


class Tracks:
    """The audio tracks of an open container.

    Args:
        container: open for reading.
        name: of the container, for error messages.
    """

    def __init__(self, container: "av.container.InputContainer", name: str) -> None:
        self._container = container
        self._name = name
        self._streams = container.streams.audio
        self.infos = tuple(_info(index, stream) for index, stream in enumerate(self._streams))

    def choose(self, track: str | None) -> int:
        """Returns the index of the track to read.

        Args:
            track: an index or a language tag; None takes the one that FFmpeg considers best.

        Raises:
            AudioError: there is no audio track, or no such one.
            UnsupportedAudioError: the track is in a codec that FFmpeg cannot decode.
        """
        if not self._streams:
            found = ", ".join(sorted({stream.type for stream in self._container.streams}))
            raise AudioError(
                f"The {self._name} file has no audio track"
                + (f"; what it has is: {found}." if found else ".")
            )
        index = self._best() if track is None else find_track(self.infos, track.strip(), self._name)
        if getattr(self._streams[index], "codec_context", None) is None:
            raise UnsupportedAudioError(
                f"The audio track of the {self._name} file is in a codec that is not supported, "
                "or it is encrypted."
            )
        return index

    def info(self, index: int) -> AudioInfo:
        """Returns the description of the file; `index` is the track that is read."""
        return AudioInfo(self._name, self.infos, index)

    def stream(self, index: int) -> av.AudioStream:
        """Returns FFmpeg's stream of a track."""
        return self._streams[index]

    def _best(self) -> int:
        best = self._container.streams.best("audio")
        # FFmpeg considers only tracks with a decoder; without one, take the first track.
        return (
            next((index for index, stream in enumerate(self._streams) if stream is best), 0)
            if best is not None
            else 0
        )


def find_track(tracks: tuple[TrackInfo, ...], choice: str, name: str) -> int:
    """Returns the index of the track that a sender chose.

    Args:
        tracks: at least one.
        choice: an index, or a language tag as in `nob`, `nb` or `nb-NO`.
        name: of the container, for the message.

    Raises:
        AudioError: there is no such track; the message lists the tracks.
    """
    if choice.isascii() and choice.isdecimal() and int(choice) < len(tracks):
        return int(choice)
    language = _canonical(choice)
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
        f"The {name} file has no audio track {choice!r}. It has: {listed}. Send the number of one, "
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
        use_safe_layout(context),
        context.sample_rate or 0,
        language,
    )
