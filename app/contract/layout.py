"""How formats show a transcript: the layout of text, and which option goes with which format."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Self, get_args

from pydantic import BaseModel, ConfigDict, Field

from .command_line import CommandLine
from .formats import ReadingFormat

UNSURE = 0.7
"""Words of a lower confidence are unsure."""

_PANEL = "Layout of text, md, f4 and docx"
_READING: tuple[str, ...] = get_args(ReadingFormat)
_EFFECTS = {
    "word_cues": ("marks the words of WebVTT", ("vtt",)),
    "speakers": ("names the speakers in a text", _READING),
    "times": ("gives the times of paragraphs", _READING),
    "paragraphs": ("divides a text", _READING),
    "mark_unsure": ("highlights words of a document", ("docx",)),
}


class LayoutOptions(BaseModel):
    """How a transcript is laid out in text, md, f4 and docx."""

    model_config = ConfigDict(extra="forbid")

    speakers: Annotated[
        bool | None, CommandLine(_PANEL, "Name the speakers, where they are known; the default.")
    ] = Field(
        None,
        description="With text, md, f4 or docx: whether each turn begins with its speaker, where "
        "speakers are told apart; true by default.",
    )
    times: Annotated[
        bool | None, CommandLine(_PANEL, "Give the time of each paragraph; the default of f4.")
    ] = Field(
        None,
        description="With text, md, f4 or docx: whether each paragraph has its time; by default "
        "in f4 alone.",
    )
    paragraphs: Annotated[
        bool | None,
        CommandLine(_PANEL, "Begin paragraphs at long pauses; the default but of text."),
    ] = Field(
        None,
        description="With text, md, f4 or docx: whether long pauses begin a new paragraph; true "
        "by default but in text. A new speaker always does.",
    )
    mark_unsure: Annotated[
        bool | None, CommandLine(_PANEL, "In docx: highlight words that are unsure.")
    ] = Field(None, description="With docx: highlights words whose confidence is below 0.7.")


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of text, md, f4 and docx; None takes the format's default.

    Attributes:
        speakers: name the speaker of each turn.
        times: give the time of each paragraph.
        paragraphs: begin a paragraph at a long pause too.
        mark_unsure: highlight words whose confidence is below `UNSURE`; docx alone.
    """

    speakers: bool | None = None
    times: bool | None = None
    paragraphs: bool | None = None
    mark_unsure: bool | None = None

    @classmethod
    def of(cls, options: LayoutOptions) -> Self:
        """Returns the layout that the options of a request give."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})

    def given(self) -> dict[str, bool]:
        """Returns the options that are given, by their names."""
        return {name: value for name, value in asdict(self).items() if value is not None}


LAYOUT_OPTIONS: tuple[str, ...] = tuple(field.name for field in fields(Layout))
"""The names of the options of a layout."""
FORMAT_OPTIONS: tuple[str, ...] = tuple(_EFFECTS)
"""The names of options that only some formats have."""


def option_without_effect(
    given: Mapping[str, object], formats: Collection[str], *, named: str
) -> tuple[str, str] | None:
    """Returns the first option that changes none of the formats, and why it is refused.

    Args:
        given: options by their names, those of `FORMAT_OPTIONS` among them.
        formats: of the answer.
        named: how the caller names a format, such as `response_format=`.

    Returns:
        Its name and a message; None where every option has an effect.
    """
    for name, (effect, accepted) in _EFFECTS.items():
        value = given.get(name)
        # Word cues are false, not None, where they are not given.
        if value is None or (name == "word_cues" and not value):
            continue
        if not set(accepted).intersection(formats):
            *others, last = accepted
            listed = f"{', '.join(others)} or {last}" if others else last
            return name, f"{name} {effect}; accepted with it: {named}{listed}."
    return None
