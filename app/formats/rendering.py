"""Writes a transcript in a format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..contract.answers import Transcript
from ..contract.layout import Layout
from .docx import to_docx
from .eaf import to_eaf
from .exb import to_exb
from .f4 import to_f4
from .markdown import to_markdown
from .names import describe
from .nist import to_ctm, to_rttm, to_stm
from .recordings import media_of, stem_of
from .srt import to_srt
from .stl import ROW_CHARACTERS, to_stl
from .subtitle_rules import rules_of
from .subtitles import Cue, SubtitleRules, lay_out_subtitles
from .text import to_text
from .textgrid import to_textgrid
from .timeline import Timeline, time_words, writable
from .tsv import to_tsv
from .ttml import to_ttml
from .vtt import to_vtt


@dataclass(frozen=True, slots=True)
class Rendered:
    """A transcript in one format; the extension comes without its dot."""

    body: bytes
    media_type: str
    extension: str

    @property
    def text(self) -> str:
        """The body of a format that is text."""
        return self.body.decode()


def render(
    transcript: Transcript,
    name: str,
    *,
    recording: str = "audio",
    word_cues: bool = False,
    rules: SubtitleRules | None = None,
    layout: Layout | None = None,
) -> Rendered:
    """Writes a transcript: its formatted text where it has one, the verbatim text otherwise.

    Args:
        transcript: of one recording.
        name: one of `FORMATS` except json, which is `Transcript.to_json`.
        recording: file name of the recording, such as `møte.wav`. CTM, STM and RTTM write it
            without its ending, as do titles; EAF and EXB link it if its ending is that of audio or
            video.
        word_cues: WebVTT alone: mark when each word is spoken.
        rules: of subtitles; None takes those that the layout names.
        layout: of text, md, f4 and docx, and whose rules subtitles are cut by; None takes the
            defaults.

    Raises:
        ValueError: there is no such format, or it is json.
    """
    info = describe(name)
    layout = layout or Layout()
    write = _WRITERS.get(name)
    if write is None:
        raise ValueError(f"{name} is not written here")
    request = _Request(
        transcript,
        time_words(transcript),
        writable(recording),
        word_cues,
        rules or rules_of(layout.subtitles, layout.reading_speed),
        layout,
    )
    body = write(request)
    return Rendered(
        body if isinstance(body, bytes) else body.encode(), info.media_type, info.extension
    )


@dataclass(frozen=True, slots=True)
class _Request:
    transcript: Transcript
    timeline: Timeline
    recording: str
    word_cues: bool
    rules: SubtitleRules
    layout: Layout

    @property
    def language(self) -> str:
        return self.transcript.language

    @property
    def stem(self) -> str:
        return stem_of(self.recording)

    @property
    def media(self) -> str | None:
        return media_of(self.recording)

    def cues(self, *, name_speakers: bool = True) -> tuple[Cue, ...]:
        return lay_out_subtitles(
            self.timeline, self.language, self.rules, name_speakers=name_speakers
        )


def _stl(request: _Request) -> bytes:
    rules = replace(request.rules, line_length=min(request.rules.line_length, ROW_CHARACTERS))
    cues = replace(request, rules=rules).cues()
    return to_stl(cues, title=request.stem, language=request.language)


_WRITERS: Mapping[str, Callable[[_Request], str | bytes]] = {
    "text": lambda of: to_text(of.timeline, writable(of.transcript.written_text), of.layout),
    "md": lambda of: to_markdown(of.timeline, of.layout, title=of.stem),
    "docx": lambda of: to_docx(of.timeline, of.layout, title=of.stem, language=of.language),
    "f4": lambda of: to_f4(of.timeline, of.layout),
    "srt": lambda of: to_srt(of.cues()),
    "vtt": lambda of: to_vtt(of.cues(name_speakers=False), words=of.word_cues),
    "ttml": lambda of: to_ttml(of.cues(), language=of.language),
    "stl": _stl,
    "tsv": lambda of: to_tsv(of.timeline),
    "textgrid": lambda of: to_textgrid(of.timeline),
    "eaf": lambda of: to_eaf(of.timeline, media=of.media),
    "exb": lambda of: to_exb(of.timeline, name=of.stem, media=of.media),
    "ctm": lambda of: to_ctm(of.timeline, recording=of.stem),
    "stm": lambda of: to_stm(of.timeline, recording=of.stem),
    "rttm": lambda of: to_rttm(of.timeline, recording=of.stem),
}
