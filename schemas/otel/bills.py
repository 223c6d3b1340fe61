"""How far the bills of calls were corrected, as the control plane keeps it."""

from msgspec import Struct


class Pending(Struct, frozen=True):
    """A chunk of changes that may be half done."""

    chunk: int
    """Its number: higher than those of all before, also where an old backup was put back."""
    token: str
    """By it the store knows the chunk when it comes again."""
    is_stored: bool = False
    """Whether its changes are stored, so that only the calls have to be set."""


class Progress(Struct, frozen=True):
    """What was looked at, and what is under way."""

    places: dict[str, int] = {}
    """By log and partition: the last offset that was looked at."""
    chunk: int = 0
    """The number of the last chunk."""
    pending: Pending | None = None


class Held(Struct, frozen=True):
    """What the control plane holds for who works on bills."""

    progress: Progress
    changes: bytes | None
    """Of the pending chunk, as they were saved."""
