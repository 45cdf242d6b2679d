"""Opens what the user names: a folder, a catalogue id, a hub id or the address of a server.

Options may follow after a question mark, as in an address: `demo-nb?decoder=greedy`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from app.catalogue import PullPlan
from trainer.comparison.local import open_model
from trainer.comparison.report import MAX_SYSTEMS
from trainer.comparison.servers import NordlydServer, OpenAIServer
from trainer.comparison.system import System
from trainer.errors import ComparisonError

_SCHEMES = ("http://", "https://")
_OPENAI_PATH = "/v1"


@dataclass(frozen=True, slots=True)
class Options:
    """What concerns every system of a kind.

    `device` and `dtype` are of models on this machine; `keys` are names of environment variables
    by the address of the server whose key they hold; `report` is called before a model is fetched.
    """

    device: str = "auto"
    dtype: str = "float32"
    keys: Mapping[str, str] = field(default_factory=dict)
    report: Callable[[PullPlan], None] | None = None


def open_systems(references: Sequence[str], options: Options) -> list[System]:
    """Opens at least two systems; servers are connected to, so that a wrong address fails here.

    Raises:
        ComparisonError: fewer than two, one twice, an unknown option, a server that cannot be
            used, or a key without a server.
        NordlydError: a model that is not on this machine and cannot be fetched.
    """
    if len(references) < 2:  # noqa: PLR2004 - a comparison
        raise ComparisonError("give at least two models or servers to compare")
    if len(references) > MAX_SYSTEMS:
        raise ComparisonError(f"give at most {MAX_SYSTEMS} models or servers to compare")
    if twice := {name for name in references if references.count(name) > 1}:
        raise ComparisonError(f"{sorted(twice)[0]} is named twice; nothing would differ")
    parsed = {reference: _parse(reference) for reference in references}
    addresses = {target for target, _ in parsed.values() if target.startswith(_SCHEMES)}
    if unknown := options.keys.keys() - addresses:
        raise ComparisonError(f"there is a key for {sorted(unknown)[0]}, which is not compared")
    return [_open(name, *found, options=options) for name, found in parsed.items()]


def _open(name: str, target: str, given: Mapping[str, str], *, options: Options) -> System:
    if not target.startswith(_SCHEMES):
        return open_model(
            name,
            target,
            given,
            device=options.device,
            dtype=options.dtype,
            report=options.report,
        )
    key = _key(target, options.keys)
    if target.endswith(_OPENAI_PATH):
        return OpenAIServer.connect(name, target, given, key)
    return NordlydServer.connect(name, target, given, key)


def _parse(reference: str) -> tuple[str, dict[str, str]]:
    target, _, query = reference.partition("?")
    given: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        option, equals, value = pair.partition("=")
        if not (option and equals):
            raise ComparisonError(f"{reference}: {pair!r} is no option; accepted: NAME=VALUE")
        # Not as in a form: the plus sign of `greedy+lm` stands for itself.
        given[unquote(option)] = unquote(value)
    if target.startswith(_SCHEMES):
        target = target.rstrip("/")
    return target, given


def _key(address: str, keys: Mapping[str, str]) -> str | None:
    variable = keys.get(address)
    if variable is None:
        return None
    if not os.environ.get(variable):
        raise ComparisonError(f"the key of {address}: {variable} is not set")
    return os.environ[variable]
