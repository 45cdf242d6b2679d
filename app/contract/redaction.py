"""What a request can mask: kinds of personal data, and names; and what was masked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from .command_line import CommandLine
from .fields import Seconds, schema_config

RedactKind: TypeAlias = Literal["national-id", "phone", "card", "email", "names"]
REDACT_KINDS: tuple[RedactKind, ...] = get_args(RedactKind)
ALL = "all"
_PANEL = "Redaction"
MAX_NAMES = 1000
MAX_NAME_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Redaction:
    """Something that was masked; times in seconds from the start of the audio."""

    __pydantic_config__: ClassVar[ConfigDict] = schema_config("RedactionBody")

    kind: RedactKind
    """What it is."""
    start: Seconds
    """When its first word begins."""
    end: Seconds
    """When its last word ends."""


class RedactOptions(BaseModel):
    """What is masked in a text."""

    model_config = ConfigDict(extra="forbid")

    redact: Annotated[
        str | None,
        CommandLine(_PANEL, "national-id, phone, card, email, names, or all.", "KINDS"),
    ] = Field(
        None,
        description="What is masked in every text of the answer, comma-separated: national-id, "
        "phone, card, email, names, or all; docs/redaction.md has what rules cannot find.",
        examples=["national-id, phone"],
    )
    redact_names: Annotated[
        str | None,
        CommandLine(_PANEL, "The names that --redact names masks, comma-separated.", "NAMES"),
    ] = Field(
        None,
        description="With redact=names or all: the names, comma-separated, besides those of the "
        "operator.",
        examples=["Kari Nordmann, Nordmann"],
    )

    @field_validator("redact")
    @classmethod
    def _check_redact(cls, value: str | None) -> str | None:
        parse_redact(value)
        return value

    @field_validator("redact_names")
    @classmethod
    def _check_redact_names(cls, value: str | None) -> str | None:
        parse_names(value)
        return value


def all_redactions(
    parts: Iterable[tuple[float, Sequence[Redaction] | None]],
) -> tuple[Redaction, ...] | None:
    """Returns what was masked in all parts of a recording, in order; None where nothing could be.

    Args:
        parts: for each when it begins in the recording, in seconds, and what was masked in it.
    """
    given = list(parts)
    if all(redactions is None for _, redactions in given):
        return None
    found = [
        replace(item, start=start + item.start, end=start + item.end)
        for start, redactions in given
        for item in redactions or ()
    ]
    return tuple(sorted(found, key=lambda item: item.start))


def parse_redact(text: str | None) -> frozenset[RedactKind]:
    """Returns the kinds of `national-id, phone`; all of them for `all`, none for None.

    Raises:
        ValueError: there is no such kind.
    """
    kinds: set[RedactKind] = set()
    for name in _parts(text):
        found = REDACT_KINDS if name == ALL else [kind for kind in REDACT_KINDS if kind == name]
        if not found:
            raise ValueError(
                f"{name!r} cannot be masked; accepted: {', '.join(REDACT_KINDS)} or {ALL}"
            )
        kinds.update(found)
    return frozenset(kinds)


def requires_names(text: str | None) -> bool:
    """Returns whether the kinds list `names` themselves, which `all` does not."""
    return "names" in _parts(text)


def parse_names(text: str | None) -> tuple[str, ...]:
    """Returns the names of `Kari Nordmann, Ola`; none for None.

    Raises:
        ValueError: there are too many names, or one is too long.
    """
    names = tuple(_parts(text))
    if len(names) > MAX_NAMES:
        raise ValueError(f"there are {len(names)} names, at most {MAX_NAMES}")
    longest = max(map(len, names), default=0)
    if longest > MAX_NAME_CHARACTERS:
        raise ValueError(f"a name has {longest} characters, at most {MAX_NAME_CHARACTERS}")
    return names


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]
