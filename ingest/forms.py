"""How the body of a request becomes items: each system gives a form for each of its requests."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from eventlog.producer import Items


class Form(Struct, frozen=True):
    """One form of request."""

    kind: str
    """What a request that is rejected as a whole is counted as."""
    frame: Callable[[bytes, Mapping[str, str], int], Sequence[Items]]
    """Takes a body, its request's headers and the most bytes of an item; gives the items, of one
    kind or several. Pure, and called in any thread. Raises `Rejected`."""
