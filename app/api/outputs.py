"""A transcript in, the body of an answer out, in any format and with a name to save it under."""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from app.api.schemas import RenderedBody, TranscriptionBody
from app.contract.options import TranscribeOptions
from app.formats import Rendered, describe, render
from app.transcript import Transcript

_NAMELESS = "transcript"
_SHOWN_BY_BROWSERS = frozenset({"json", "text"})
_MAX_STEM_CHARACTERS = 120
_MAX_ENDING_CHARACTERS = 5
# Characters that Windows has no file names with.
_RESERVED = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
# Devices of Windows, whatever comes after the first dot.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\..*)?", re.I)
# What no header reads as something else.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._- ")


@dataclass(frozen=True, slots=True)
class Output:
    """A transcript as it is sent; `file_name` is safe to save it under."""

    body: str
    media_type: str
    file_name: str
    disposition: str

    def in_json(self) -> str:
        """The body as a JSON value: itself where it is JSON, with its name where it is not."""
        if self.media_type == "application/json":
            return self.body
        rendered = RenderedBody(
            content=self.body, media_type=self.media_type, file_name=self.file_name
        )
        return rendered.model_dump_json()


def transcription_output(
    transcript: Transcript, parameters: TranscribeOptions, *, recording: str, request_id: str
) -> Output:
    """Write a transcript as the request asks for it.

    Args:
        transcript: what was said.
        parameters: of the request.
        recording: the recording's name as its sender gave it; may be empty.
        request_id: for the JSON body.
    """
    name = parameters.response_format
    if name == "json":
        body = TranscriptionBody.of(transcript, words=parameters.words, request_id=request_id)
        return json_output(body.to_json(), recording)
    return rendered_output(
        render(
            transcript,
            name,
            recording=base_name(recording) or "audio",
            word_cues=parameters.word_cues,
        ),
        name,
        recording,
    )


def json_output(body: str, recording: str) -> Output:
    """Name a JSON body after its recording."""
    info = describe("json")
    return _named(body, info.media_type, "json", recording)


def rendered_output(rendered: Rendered, name: str, recording: str) -> Output:
    """Name a file of the format `name` after its recording."""
    return _named(rendered.body, rendered.media_type, name, recording)


def base_name(recording: str) -> str:
    """The last part of a name that a client gave, without what cannot be seen.

    Folders of either kind of system are left out, as are control characters and those that turn
    the writing direction, which make a name look like another one.
    """
    last = recording.replace("\\", "/").rpartition("/")[2]
    visible = "".join(character for character in last if character.isprintable())
    return unicodedata.normalize("NFC", visible).strip(" .")


def content_disposition(kind: str, file_name: str) -> str:
    """The header's value: an ASCII name for old clients, the whole one after RFC 5987.

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


def _named(body: str, media_type: str, name: str, recording: str) -> Output:
    stem = base_name(recording).translate(_RESERVED)
    before, dot, ending = stem.rpartition(".")
    if dot and ending.isalnum() and len(ending) <= _MAX_ENDING_CHARACTERS:
        stem = before
    stem = stem[:_MAX_STEM_CHARACTERS].strip(" .") or _NAMELESS
    if _DEVICE.fullmatch(stem):
        stem = f"_{stem}"
    file_name = describe(name).file_name(stem)
    kind = "inline" if name in _SHOWN_BY_BROWSERS else "attachment"
    return Output(body, media_type, file_name, content_disposition(kind, file_name))
