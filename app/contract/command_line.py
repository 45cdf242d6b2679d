"""How the command line shows the options of the contract."""

from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class CommandLine:
    """How the command line shows an option, as an annotation of its field.

    Attributes:
        panel: heading of `--help` that lists the option; None takes the general one.
        help: its line there; None takes the field's description.
        metavar: placeholder of its value; None takes the type's.
    """

    panel: str | None
    help: str | None = None
    metavar: str | None = None


def command_line(model: type[BaseModel], name: str) -> CommandLine | None:
    """Returns how the command line shows a field, its help filled in; None where it has no option.

    Args:
        model: one of the option models.
        name: of the field.
    """
    field = model.model_fields[name]
    for marker in field.metadata:
        if isinstance(marker, CommandLine):
            return CommandLine(marker.panel, marker.help or field.description, marker.metavar)
    return None
