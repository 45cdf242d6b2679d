"""Which optional extra of the installation brings a package that is missing."""

import re
from importlib.metadata import requires
from itertools import chain

_DISTRIBUTION = "nordlyd"
# As metadata have it: name, version and extra, where the name may take extras of its own.
_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(?:\[(?P<extras>[\w,\s-]*)\])?[^;]*;.*\bextra\s*==\s*['\"](?P<extra>[\w-]+)['\"]"
)


def install_hint(error: ModuleNotFoundError, *, preferred: str) -> str | None:
    """Returns the line with the command to install what an import did not find.

    Args:
        error: of the import.
        preferred: the extra to name where several bring the package.

    Returns:
        The line, or None where no extra of this distribution brings the package.
    """
    package = (error.name or "").partition(".")[0]
    offers = _offers()
    # An extra that lists the package itself is smaller than one that includes that extra.
    own = [extra for extra in sorted(offers) if package in _names(offers[extra])]
    extras = [preferred, *own, *sorted(offers)]
    found = next((extra for extra in extras if package in _packages(extra, offers)), None)
    if found is None:
        return None
    return f"the package {package} is not installed; run: pip install '{_DISTRIBUTION}[{found}]'"


def _offers() -> dict[str, list[tuple[str, list[str]]]]:
    """Returns the requirements of each extra: names, and the extras that they are taken with."""
    offers: dict[str, list[tuple[str, list[str]]]] = {}
    for found in map(_REQUIREMENT.match, requires(_DISTRIBUTION) or ()):
        if found is not None:
            extras = re.findall(r"[\w-]+", found["extras"] or "")
            offers.setdefault(found["extra"], []).append((found["name"], extras))
    return offers


def _packages(extra: str, offers: dict[str, list[tuple[str, list[str]]]]) -> set[str]:
    """Returns the packages of an extra and of the extras that it includes, as they are imported."""
    listed = offers.get(extra, [])
    included = chain.from_iterable(extras for name, extras in listed if name == _DISTRIBUTION)
    return _names(listed).union(*(_packages(one, offers) for one in included))


def _names(listed: list[tuple[str, list[str]]]) -> set[str]:
    """Returns the packages that an extra lists itself, as they are imported."""
    return {name.replace("-", "_") for name, _ in listed if name != _DISTRIBUTION}
