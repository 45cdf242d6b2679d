"""What came of a recording, as it is kept in the manifest."""

import json
import zlib
from dataclasses import dataclass
from typing import Any

from app.contract.answers import TRANSCRIPT_ADAPTER, Timing, Transcript
from app.contract.layout import Layout
from app.errors import NordlydError
from app.formats import describe, render

# They differ from run to run.
_NOT_KEPT = ("timing", "request_id")
_NO_TIMING = Timing(0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Result:
    """The transcript of a recording, or why there is none.

    Attributes:
        body: the body that POST /transcribe answers with, but for `timing` and `request_id`.
        code: of the error; empty without one.
        message: of the error.
    """

    body: dict[str, Any]
    code: str = ""
    message: str = ""

    @classmethod
    def of_transcript(cls, transcript: Transcript) -> "Result":
        """Returns the result of a recording that was transcribed."""
        body = json.loads(transcript.to_json())
        for name in _NOT_KEPT:
            del body[name]
        return cls(body)

    @classmethod
    def of_error(cls, error: NordlydError) -> "Result":
        """Returns the result of a recording that cannot be transcribed."""
        return cls({}, error.code, error.message)

    @property
    def failed(self) -> bool:
        """Whether there is no transcript."""
        return bool(self.code)

    @property
    def duration(self) -> float:
        """Length of the audio in seconds; 0 where there is no transcript."""
        return float(self.body.get("duration", 0.0))

    def pack(self) -> bytes:
        """Returns the result as bytes; the same ones for the same result."""
        return zlib.compress(
            json.dumps([self.body, self.code, self.message], ensure_ascii=False).encode()
        )

    @classmethod
    def unpack(cls, data: bytes) -> "Result":
        """Returns the result that was packed."""
        return cls(*json.loads(zlib.decompress(data)))

    def files(
        self, formats: tuple[str, ...], recording: str, *, word_cues: bool, layout: Layout
    ) -> dict[str, bytes]:
        """Returns the transcript in formats, by the extensions of their files.

        Args:
            formats: their names.
            recording: file name of the recording.
            word_cues: in WebVTT, mark when each word is spoken.
            layout: of text, md, f4 and docx.
        """
        written = TRANSCRIPT_ADAPTER.validate_python(
            self.body | {"timing": _NO_TIMING, "request_id": ""}
        )
        return {
            describe(name).extension: f"{json.dumps(self.body, ensure_ascii=False)}\n".encode()
            if name == "json"
            else render(written, name, recording=recording, word_cues=word_cues, layout=layout).body
            for name in formats
        }
