"""The limits of subtitles: those of published guidelines, by name."""

from dataclasses import replace

from .subtitles import SubtitleRules

DEFAULT_RULES = "netflix"
RULES = {
    DEFAULT_RULES: SubtitleRules(),
    "nrk": SubtitleRules(
        shortest=1600, longest=8000, gap=120, reading_speed=15.0, linger=1500, dashes=True
    ),
    "dr": SubtitleRules(
        line_length=40, shortest=2000, longest=8000, gap=120, reading_speed=15.0, linger=1500,
        dashes=True,
    ),
}  # fmt: skip
"""By name; docs/subtitles.md has the source of each value."""


def rules_of(name: str | None = None, reading_speed: float | None = None) -> SubtitleRules:
    """Returns rules by their name.

    Args:
        name: one of `RULES`; None takes the default.
        reading_speed: in characters a second; None takes that of the rules.

    Raises:
        ValueError: there are no such rules.
    """
    name = DEFAULT_RULES if name is None else name
    if name not in RULES:
        raise ValueError(f"the rules are {name!r}; accepted: {', '.join(RULES)}.")
    rules = RULES[name]
    return rules if reading_speed is None else replace(rules, reading_speed=reading_speed)
