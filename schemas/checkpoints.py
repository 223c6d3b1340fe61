"""How far a partition of the log is stored, as both kinds of checkpoints keep it."""

from typing import NamedTuple


class Intent(NamedTuple):
    """The range of offsets (both ends included) that a block is about to be written from."""

    first: int
    last: int
    by_parts: bool = False
    """Whether its rows go in by parts, because the store refused some of them."""
    epoch: str = ""
    """The `Origin.epoch` that it was declared in; with the range it makes the block's token."""


class Progress(NamedTuple):
    """How far a partition's records have been stored, and the block that may be half-written."""

    stored_through: int
    """The last offset whose block is stored, -1 for none."""
    pending: Intent | None

    @property
    def next_offset(self) -> int:
        """Where reading begins: what may be half-written is read and written again."""
        return self.pending.first if self.pending else self.stored_through + 1
