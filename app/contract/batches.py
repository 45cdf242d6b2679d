"""The lines of an answer to several recordings."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from .answers import Transcript
from .errors import ErrorDetail


class RenderedFile(BaseModel):
    """A transcript in another format than JSON, inside a line of JSON."""

    model_config = ConfigDict(title="RenderedBody", use_attribute_docstrings=True)

    content: str
    """The whole file; in base64 where `base64` is true."""
    base64: Annotated[bool | None, Field(exclude_if=lambda value: value is None)] = None
    """True with a format that is no text, docx or stl; only there."""
    media_type: str = Field(examples=["text/vtt; charset=utf-8"])
    """What a response with this file alone would have as its content type."""
    file_name: str = Field(examples=["speech.vtt"])
    """A name to save it under."""


class BatchLine(BaseModel):
    """One line of an answer to several files: a result or an error, never both."""

    model_config = ConfigDict(title="BatchLineBody", use_attribute_docstrings=True)

    index: int = Field(ge=0)
    """Which file it is, in the order they were sent, from 0."""
    name: str = Field(examples=["speech.wav"])
    """The file's name as it was sent."""
    status: int
    """What the file alone would have been answered with."""
    result: Transcript | RenderedFile | None = None
    """Only with status 200; RenderedBody with a response_format but json."""
    error: ErrorDetail | None = None
    """Only with another status."""
