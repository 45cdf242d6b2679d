"""Addresses that callers name in, the recordings found there out; only where the operator allows.

Nothing here trusts a name: what is connected to is an address that was looked at.
"""

from app.fetching.addresses import is_public
from app.fetching.fetcher import Fetched, Fetcher, FetchLimits
from app.fetching.rules import HostRule, find_rule, parse_rule
from app.fetching.transport import Resolver, SystemResolver

__all__ = [
    "FetchLimits",
    "Fetched",
    "Fetcher",
    "HostRule",
    "Resolver",
    "SystemResolver",
    "find_rule",
    "is_public",
    "parse_rule",
]
