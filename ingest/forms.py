"""How the body of a request becomes items: each system gives a form for each of its requests."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from eventlog.producer import Items
from schemas.outcomes import Outcome


class Counted(NamedTuple):
    """Items that the ledger counts although the log does not hold them."""

    kind: str
    outcome: Outcome
    reason: str
    items: int

    @property
    def word(self) -> str:
        """Outcome and reason, as metrics name them."""
        return f"{self.outcome}:{self.reason}"


class Split(Struct, frozen=True):
    """What a request brought."""

    items: Sequence[Items]
    """Of one kind or several."""
    counted: Sequence[Counted] = ()
    """What else it told of."""
    answer_id: str = ""
    """What the answer names the request by, where the form has such a name."""
    rejected: Mapping[Any, int] = {}
    """What the answer says was not taken, by reason, where the form takes a part of a request."""


class Form(Struct, frozen=True):
    """One form of request."""

    kind: str
    """What a request that is rejected as a whole is counted as."""
    frame: Callable[[bytes, Mapping[str, str], int], Split]
    """Takes a body, what the form depends on beside it (as headers of the request), and the most
    bytes of an item. Called in any thread. Raises `Rejected`."""
    max_body_bytes: int = 0
    """Bounds its bodies further than the edge does, on the wire and inflated; 0 does not."""
