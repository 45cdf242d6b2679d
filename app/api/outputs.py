"""Renders a transcript as a response in any format, with a file name to save it under."""

import re
import unicodedata
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Response

from app.contract.answers import Alignment, Notice, Timing, Transcript
from app.contract.batches import RenderedFile
from app.contract.layout import Layout
from app.contract.options import AlignOptions, TranscribeOptions
from app.formats import Rendered, as_transcript, describe, render

WARNINGS_HEADER = "x-nordlyd-warnings"
_DEFAULT_STEM = "transcript"
_SHOWN_BY_BROWSERS = frozenset({"json", "text"})
_MAX_STEM_CHARACTERS = 120
_MAX_ENDING_CHARACTERS = 5
# Characters that no file name on Windows may have.
_RESERVED = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
# Names of Windows devices, with any ending.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\..*)?", re.I)
# Characters without a meaning in a header.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._- ")


@dataclass(frozen=True, slots=True)
class Output:
    """The body and headers of an answer; `file_name` is safe to save it under."""

    body: bytes
    media_type: str
    file_name: str
    disposition: str
    binary: bool = False

    def in_json(self) -> str:
        """Returns the body as a JSON value: itself, or inside a `RenderedFile` if it is no JSON."""
        if self.media_type == "application/json":
            return self.body.decode()
        content = b64encode(self.body) if self.binary else self.body
        rendered = RenderedFile(
            content=content.decode(),
            base64=True if self.binary else None,
            media_type=self.media_type,
            file_name=self.file_name,
        )
        return rendered.model_dump_json()


def transcription_output(
    transcript: Transcript, options: TranscribeOptions, *, recording: str
) -> Output:
    """Returns a transcript in the format of its request.

    Args:
        transcript: of the recording.
        options: of the request.
        recording: the recording's name as its sender gave it; may be empty.
    """
    name = options.response_format
    if name == "json":
        answer = transcript if options.words else transcript.without_words()
        return json_output(answer.to_json(), recording)
    return rendered_output(
        render(
            transcript,
            name,
            recording=base_name(recording) or "audio",
            word_cues=options.word_cues,
            layout=Layout.of(options),
        ),
        name,
        recording,
    )


def alignment_output(aligned: Alignment, options: AlignOptions, *, recording: str) -> Output:
    """Returns an alignment in the format of its request.

    Args:
        aligned: of the recording.
        options: of the request.
        recording: the recording's name as its sender gave it; may be empty.
    """
    name = options.response_format
    if name == "json":
        answer = aligned if options.characters else aligned.without_characters()
        return json_output(answer.to_json(), recording)
    rendered = render(as_transcript(aligned), name, recording=base_name(recording) or "audio")
    return rendered_output(rendered, name, recording)


def json_output(body: str, recording: str) -> Output:
    """Returns a JSON body with a name after its recording."""
    info = describe("json")
    return _named(body.encode(), info.media_type, "json", recording)


def rendered_output(rendered: Rendered, name: str, recording: str) -> Output:
    """Returns a file of the format `name` with a name after its recording."""
    return _named(rendered.body, rendered.media_type, name, recording)


def output_response(output: Output, timing: Timing, notices: Sequence[Notice]) -> Response:
    """Returns the response with an output, the times it took and the codes of its warnings."""
    return Response(
        output.body,
        headers={
            "content-type": output.media_type,
            "content-disposition": output.disposition,
            **timing_headers(timing),
            **warning_headers(notices),
        },
    )


def warning_headers(notices: Sequence[Notice]) -> dict[str, str]:
    """Returns the codes of warnings as a header, for answers whose form has no place for them."""
    codes = ", ".join(dict.fromkeys(notice.code for notice in notices))
    return {WARNINGS_HEADER: codes} if codes else {}


def timing_headers(timing: Timing) -> dict[str, str]:
    """Returns how long a request waited and was computed, in whole milliseconds."""
    compute = timing.decode_audio + timing.encode + timing.decode_text
    compute += timing.detect_language or 0.0
    return {
        "x-queue-time": str(round(timing.queue * 1000)),
        "x-compute-time": str(round(compute * 1000)),
    }


def base_name(recording: str) -> str:
    """Returns the last part of a path that a client gave, without invisible characters.

    Removes folders, of POSIX and of Windows, control characters, and those that change the writing
    direction, which make a name look like another one.
    """
    last = recording.replace("\\", "/").rpartition("/")[2]
    visible = "".join(character for character in last if character.isprintable())
    return unicodedata.normalize("NFC", visible).strip(" .")


def content_disposition(kind: str, file_name: str) -> str:
    """Returns the header with an ASCII name for old clients, and the whole one as in RFC 5987.

    Args:
        kind: inline or attachment.
        file_name: of any characters.
    """
    decomposed = unicodedata.normalize("NFKD", file_name)
    plain = "".join(
        character if character in _PLAIN else "_"
        for character in decomposed
        if not unicodedata.combining(character)
    )
    if plain == file_name:
        return f'{kind}; filename="{plain}"'
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def _named(body: bytes, media_type: str, name: str, recording: str) -> Output:
    stem = base_name(recording).translate(_RESERVED)
    before, dot, ending = stem.rpartition(".")
    if dot and ending.isalnum() and len(ending) <= _MAX_ENDING_CHARACTERS:
        stem = before
    stem = stem[:_MAX_STEM_CHARACTERS].strip(" .") or _DEFAULT_STEM
    if _DEVICE.fullmatch(stem):
        stem = f"_{stem}"
    info = describe(name)
    file_name = info.file_name(stem)
    kind = "inline" if name in _SHOWN_BY_BROWSERS else "attachment"
    disposition = content_disposition(kind, file_name)
    return Output(body, media_type, file_name, disposition, info.binary)
