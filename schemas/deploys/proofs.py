"""How somebody proves that a name of a host is theirs, and what a look for that finds."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

CHALLENGE_LABEL = "_sluice-challenge"
CHALLENGE_PATH = "/.well-known/sluice-challenge/"


class Proof(NamedTuple):
    """What a look for a token found."""

    is_theirs: bool
    found: str
    """In words, for who wants to know why not."""


CheckDomain = Callable[[str], str]
"""Returns a name in the form that is compared. Raises `ValueError`, with a text for people."""
ProveDomain = Callable[[str, str], Awaitable[Proof]]
"""Looks for the token of a name where only its owner can have put it."""
