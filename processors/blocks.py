"""What passes between the sink and the steps of a topic: blocks in, items and letters out."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct, field

from eventlog.log import Intent, TopicPartition
from eventlog.records import DeadLetter
from schemas.rows import OutcomeRow, Position, Source


class Delivery(NamedTuple):
    """One record as the stream hands it over."""

    offset: int
    value: bytes | None
    """`None` where the log's checksum did not hold."""
    ack: Callable[[], object]
    appended_at_s: float = 0.0
    """When it came into the log, in seconds since 1970."""


class Block(Struct, frozen=True):
    """A range of records of one partition that is stored as a whole."""

    partition: TopicPartition
    log_id: str
    intent: Intent
    records: Sequence[Delivery]
    repeated: bool
    """Whether an earlier process may have stored parts of it already, under the same token."""

    @property
    def token(self) -> str:
        """The name under which the store recognises the block if it comes again."""
        topic, partition = self.partition
        first, last, _, epoch = self.intent
        return f"{epoch}/{topic}/{partition}/{first}-{last}"


class Fate(NamedTuple):
    """What became of one item, for the ledger of outcomes."""

    project_id: str
    received_at_ns: int
    outcome: str
    reason: str
    dead_ref: str


class Item(NamedTuple):
    """One event that is about to be stored, with what a dead letter of it would need."""

    row: Any
    key: tuple[str, str]
    """Project id and event id."""
    key_hash: int
    """`event_hash` of the key."""
    fate: Fate
    position: Position
    """Of its record."""
    number: int
    """Among the items of its record."""
    wire: str
    body: bytes


def ref_of(topic: str, position: Position, index: int) -> str:
    """Names an item for the dead-letter topic: where it stands in the log."""
    return f"{topic}:{position.partition}:{position.offset}:{index}"


class Output(Struct):
    """What a block comes to."""

    items: list[Item] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    """Of everything that is not in `items`."""
    outcomes: list[OutcomeRow] = field(default_factory=list)
    """Counts that belong to no item: the edge's own."""


class Step(Protocol):
    """The meaning of one topic."""

    kind: str
    table: str | None
    """Where the rows go; `None` for a topic that brings only outcomes."""

    async def warm(self, source: Source | None) -> None:
        """Prepares for the first block of a partition, or of all of them (`None`)."""
        ...

    async def build(self, block: Block) -> Any:
        """Does what needs no store; may run while the block before is written."""
        ...

    async def settle(self, block: Block, built: Any) -> Output:
        """Works out what a block comes to, from what `build` returned, which it leaves as it is.

        Called when every earlier block of the partition is stored; looks up which ids are. Called
        again to ask which of the items that it gave are stored by now, with an `Output` of them.
        """
        ...

    def encode(self, items: Sequence[Item]) -> bytes:
        """Encodes rows for the insert."""
        ...

    def stored(self, items: Sequence[Item]) -> None:
        """Takes note of items that are in the store now."""
        ...
