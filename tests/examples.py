"""How many examples of a property are tried: few by `make test`, all by `make test-all`."""

from hypothesis import settings

ALL = 100
"""What the profile of `make test-all` tries of a property that does not name a number."""
FEW = 25
"""What the profile of `make test` tries of it."""


def examples(number: int) -> int:
    """Returns how many of a number of examples the loaded profile tries, at least one."""
    return max(1, number * settings().max_examples // ALL)
