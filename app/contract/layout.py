"""How formats show a transcript: the layout of text, the rules of subtitles."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field

from .command_line import CommandLine
from .formats import ReadingFormat, SubtitleFormat

SubtitleRulesName: TypeAlias = Literal["netflix", "nrk", "dr"]
"""Rules for subtitles; docs/subtitles.md has their values and sources."""
MAX_READING_SPEED = 100.0

UNSURE = 0.7
"""Words of a lower confidence are unsure."""

_PANEL = "Layout of text, md, f4 and docx"
_SUBTITLES_PANEL = "Subtitles"
_READING: tuple[str, ...] = get_args(ReadingFormat)
_SUBTITLES: tuple[str, ...] = get_args(SubtitleFormat)
_EFFECTS = {
    "word_cues": ("marks the words of WebVTT", ("vtt",)),
    "speakers": ("names the speakers in a text", _READING),
    "times": ("gives the times of paragraphs", _READING),
    "paragraphs": ("divides a text", _READING),
    "mark_unsure": ("highlights words of a document", ("docx",)),
    "subtitles": ("names the rules of subtitles", _SUBTITLES),
    "reading_speed": ("limits the speed of subtitles", _SUBTITLES),
}


class LayoutOptions(BaseModel):
    """How a transcript is laid out in text, md, f4 and docx, and cut into subtitles."""

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
    subtitles: Annotated[
        SubtitleRulesName | None,
        CommandLine(_SUBTITLES_PANEL, "Whose rules: netflix (the default), nrk or dr.", "NAME"),
    ] = Field(
        None,
        description="With srt, vtt, ttml or stl: whose rules subtitles are cut by; netflix by "
        "default.",
    )
    reading_speed: Annotated[
        float | None,
        CommandLine(_SUBTITLES_PANEL, "Most characters a second; that of the rules.", "X"),
    ] = Field(
        None,
        ge=1,
        le=MAX_READING_SPEED,
        description="With srt, vtt, ttml or stl: characters a second that subtitles keep to as far "
        "as the speech allows; that of the rules by default, 15 or 17.",
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of text, md, f4 and docx, and the rules of subtitles; None takes the default.

    Attributes:
        speakers: name the speaker of each turn.
        times: give the time of each paragraph.
        paragraphs: begin a paragraph at a long pause too.
        mark_unsure: highlight words whose confidence is below `UNSURE`; docx alone.
        subtitles: whose rules subtitles are cut by.
        reading_speed: of subtitles, in characters a second.
    """

    speakers: bool | None = None
    times: bool | None = None
    paragraphs: bool | None = None
    mark_unsure: bool | None = None
    subtitles: SubtitleRulesName | None = None
    reading_speed: float | None = None

    @classmethod
    def of(cls, options: LayoutOptions) -> Self:
        """Returns the layout that the options of a request give."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})

    def given(self) -> dict[str, Any]:
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
