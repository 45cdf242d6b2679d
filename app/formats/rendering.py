"""Writes a transcript in a format."""

from dataclasses import dataclass

from ..contract.answers import Transcript
from .eaf import to_eaf
from .names import describe
from .nist import to_ctm, to_rttm, to_stm
from .recordings import media_of, stem_of
from .srt import to_srt
from .subtitles import SubtitleRules, lay_out_subtitles
from .text import to_text
from .textgrid import to_textgrid
from .timeline import time_words, writable
from .tsv import to_tsv
from .vtt import to_vtt


@dataclass(frozen=True, slots=True)
class Rendered:
    """A transcript in one format; the extension comes without its dot."""

    body: str
    media_type: str
    extension: str


def render(
    transcript: Transcript,
    name: str,
    *,
    recording: str = "audio",
    word_cues: bool = False,
    rules: SubtitleRules | None = None,
) -> Rendered:
    """Writes a transcript: its formatted text where it has one, the verbatim text otherwise.

    Args:
        transcript: of one recording.
        name: one of `FORMATS` except json, which is `Transcript.to_json`.
        recording: file name of the recording, such as `møte.wav`. CTM, STM and RTTM write it
            without its ending, EAF links it if its ending is that of audio or video.
        word_cues: WebVTT alone: mark when each word is spoken.
        rules: of subtitles; None takes the defaults.

    Raises:
        ValueError: there is no such format, or it is json.
    """
    info = describe(name)
    recording = writable(recording)
    timeline = time_words(transcript)
    match name:
        case "text":
            body = to_text(timeline, writable(transcript.written_text))
        case "srt":
            body = to_srt(
                lay_out_subtitles(timeline, transcript.language, rules, name_speakers=True)
            )
        case "vtt":
            cues = lay_out_subtitles(timeline, transcript.language, rules)
            body = to_vtt(cues, words=word_cues)
        case "tsv":
            body = to_tsv(timeline)
        case "textgrid":
            body = to_textgrid(timeline)
        case "eaf":
            body = to_eaf(timeline, media=media_of(recording))
        case "ctm":
            body = to_ctm(timeline, recording=stem_of(recording))
        case "stm":
            body = to_stm(timeline, recording=stem_of(recording))
        case "rttm":
            body = to_rttm(timeline, recording=stem_of(recording))
        case _:
            raise ValueError(f"{name} is not written here")
    return Rendered(body, info.media_type, info.extension)
