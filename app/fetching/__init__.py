"""Fetches recordings from callers' URLs and sends webhooks to them, where the operator allows it.

Host names are never trusted: connections go only to addresses that were checked.
"""

from app.fetching.addresses import is_public
from app.fetching.build import build_fetcher
from app.fetching.fetcher import Answer, Fetched, Fetcher, FetchLimits
from app.fetching.rules import HostRule, find_rule, parse_rule
from app.fetching.transport import Resolver, SystemResolver

__all__ = [
    "Answer",
    "FetchLimits",
    "Fetched",
    "Fetcher",
    "HostRule",
    "Resolver",
    "SystemResolver",
    "build_fetcher",
    "find_rule",
    "is_public",
    "parse_rule",
]
