"""A transcript and the name of a format in, the text of a file and its media type out."""

from dataclasses import dataclass

from app.contract.answers import Transcript
from app.formats.ctm import to_ctm
from app.formats.eaf import to_eaf
from app.formats.names import describe
from app.formats.recordings import media_of, stem_of
from app.formats.srt import to_srt
from app.formats.subtitles import lay_out_subtitles
from app.formats.textgrid import to_textgrid
from app.formats.timeline import time_words, writable
from app.formats.tsv import to_tsv
from app.formats.vtt import to_vtt


@dataclass(frozen=True, slots=True)
class Rendered:
    """A transcript in one format; the extension comes without its dot."""

    body: str
    media_type: str
    extension: str


def render(
    transcript: Transcript, name: str, *, recording: str = "audio", word_cues: bool = False
) -> Rendered:
    """Write a transcript, readable where it was made so and word for word otherwise.

    Args:
        transcript: what was said.
        name: one of `FORMATS`, but not json: that is the API's own body.
        recording: file name of the recording, such as `møte.wav`. CTM writes it without its
            ending, EAF links it if its ending is that of audio or video.
        word_cues: WebVTT alone: mark when each word is said.

    Raises:
        InvalidRequestError: there is no such format.
        ValueError: the format is json.
    """
    info = describe(name)
    recording = writable(recording)
    timeline = time_words(transcript)
    match name:
        case "text":
            text = writable(transcript.written_text)
            body = f"{text}\n" if text else ""
        case "srt":
            body = to_srt(lay_out_subtitles(timeline, transcript.language))
        case "vtt":
            cues = lay_out_subtitles(timeline, transcript.language)
            body = to_vtt(cues, words=word_cues)
        case "tsv":
            body = to_tsv(timeline)
        case "textgrid":
            body = to_textgrid(timeline)
        case "eaf":
            body = to_eaf(timeline, media=media_of(recording))
        case "ctm":
            body = to_ctm(timeline, recording=stem_of(recording))
        case _:
            raise ValueError(f"{name} is not written here")
    return Rendered(body, info.media_type, info.extension)
