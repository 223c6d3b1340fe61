"""What can become of a received item: the words of the ledger."""

from typing import Literal, get_args

Outcome = Literal[
    "accepted",
    "duplicate",
    "invalid",
    "rate_limited",
    "filtered",
    "client_discard",
    "too_large",
    "overloaded",
    "dead",
]
Word = Literal["received", Outcome]
"""Every item is counted as received once, beside its outcome."""
WORDS: tuple[Word, ...] = get_args(Word)
