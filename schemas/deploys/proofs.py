"""How somebody proves that a name of a host is theirs, and what a look for that finds."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple


class Proof(NamedTuple):
    """What a look for a token found."""

    is_theirs: bool
    found: str
    """Which of the two has it; or what is there instead. In words."""


CheckDomain = Callable[[str], str]
"""Returns a name in the form that is compared. Raises `ValueError`, with a text for people."""
ProveDomain = Callable[[str, str], Awaitable[Proof]]
"""Looks for the token of a name in DNS and on its site."""
