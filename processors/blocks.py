"""What passes between the sink and the steps of a topic: blocks in, rows and dead letters out."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from msgspec import Struct, field

from eventlog.log import PartitionState, TopicPartition
from eventlog.records import DeadLetter
from processors.columns import Build, Numbers, SentChunk
from processors.seen import Hashes
from schemas.checkpoints import Intent
from schemas.kinds import Kind, Table
from schemas.rows import OutcomeRow, Source

EventKey: TypeAlias = tuple[str, str]
"""Project id and event id."""


class Delivery(NamedTuple):
    """One record as the stream hands it over."""

    offset: int
    value: bytes | None
    """`None` where the log's checksum did not hold."""
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


class ItemOutcome(NamedTuple):
    """What became of an item, for the ledger of outcomes."""

    kind: str
    project_id: str
    received_at_ns: int
    outcome: str
    reason: str
    dead_ref: str


class Arrival(NamedTuple):
    """What the items of one chunk share."""

    accepted: ItemOutcome
    offset: int
    """Of its record."""


class TableRows(NamedTuple):
    """Rows of one table, ready for the store."""

    rows: pa.RecordBatch
    items: Numbers
    """The number of the item that each row belongs to, ascending."""


class Batch(Struct, frozen=True):
    """Items of one kind in one block, as columns, and their rows."""

    kind: Kind
    ids: Sequence[str]
    hashes: Hashes
    """`event_hash` of each item's key."""
    arrivals: Sequence[Arrival]
    arrival: Numbers
    """Which of `arrivals` each item came in."""
    number: Numbers
    """Of each item among those of its record."""
    tables: Mapping[str, TableRows]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def offsets(self) -> Numbers:
        """The offset of each item's record."""
        offsets = np.array([one.offset for one in self.arrivals], np.int64)
        return offsets[self.arrival]

    def key(self, item: int) -> EventKey:
        """Returns an item's key."""
        return self.arrivals[self.arrival[item]].accepted.project_id, self.ids[item]

    def keys(self, items: Numbers) -> list[EventKey]:
        """Returns the keys of some items."""
        return [self.key(item) for item in items.tolist()]

    def rows(self, table: Table, items: Numbers) -> pa.RecordBatch:
        """Returns the rows of some items in a table."""
        rows, owners = self.tables[table.name]
        return (
            rows if len(items) == len(self.ids) else rows.filter(pa.array(np.isin(owners, items)))
        )

    def count(self, items: Numbers, outcome: str = "accepted", reason: str = "") -> "Outcomes":
        """Counts what became of some items."""
        counts = np.bincount(self.arrival[items], minlength=len(self.arrivals)).tolist()
        found: Outcomes = Counter()
        for arrival, count in zip(self.arrivals, counts, strict=True):
            if count:
                found[arrival.accepted._replace(outcome=outcome, reason=reason)] += count
        return found


Outcomes: TypeAlias = "Counter[ItemOutcome]"


def ref_of(topic: str, partition: int, offset: int, number: int) -> str:
    """Names an item for the dead letters: where it stands in the log."""
    return f"{topic}:{partition}:{offset}:{number}"


class StoredItems(NamedTuple):
    """Items of a batch that are to be stored, or are."""

    batch: Batch
    items: Numbers

    def having(self, table: Table) -> Numbers:
        """Returns those of the items that become rows of the table."""
        return np.intersect1d(self.items, self.batch.tables[table.name].items)


Ready: TypeAlias = Awaitable[Build]
"""What builds the items of one block, once what they need beside themselves is there."""


def needs_nothing(_: Sequence[SentChunk]) -> Ready | None:
    """Prepares where nothing has to be looked up."""
    return None


async def nothing(_: StoredItems) -> None:
    """Follows where nothing has to."""


class Beside(NamedTuple):
    """Another kind of the same topic, whose items in a block a step looks at as well."""

    kind: Kind
    build: Callable[[Sequence[SentChunk]], Build]
    """Takes those items, and answers what builds the step's own."""


class KindStep(Struct, frozen=True):
    """What one kind of event means."""

    kind: Kind
    build: Build
    """Pure: from items to columns."""
    note: Callable[[StoredItems], None] = lambda _: None
    """Counts in the metrics what was stored; called once a block, in a thread."""
    follow: Callable[[StoredItems], Awaitable[None]] = nothing
    """What must be true in the control plane once the rows are stored, before the checkpoint moves.
    May be called again with the same items, after a crash too: a repeat must change nothing."""
    prepare: Callable[[Sequence[SentChunk]], Ready | None] = needs_nothing
    """Looks at the items of a block, in a thread. Where they need what is in no item, it returns
    what looks that up and answers a `build` that has it. What is built by it stays as it is once
    its rows are stored only if the columns are among `Table.kept`."""
    beside: Beside | None = None
    """Not for a step that prepares."""


class Output(Struct):
    """What a block comes to."""

    stored: list[StoredItems] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Counter)
    """Of every item that is not in `stored`."""
    counted: list[OutcomeRow] = field(default_factory=list)
    """Counts that belong to no item: the edge's own."""


class StoredLog(Protocol):
    """How far the log is stored, for work that must not meet a block that may come again."""

    log_ids: Mapping[str, str]
    """What rows of each topic name as their log."""

    async def places(self) -> Mapping[TopicPartition, PartitionState]:
        """Returns how far each partition with an agent has come."""
        ...


def is_past(
    places: Mapping[TopicPartition, PartitionState], ends: Mapping[TopicPartition, int]
) -> bool:
    """Tells whether all is stored that comes before these ends."""
    return all(places[one].progress.stored_through >= end - 1 for one, end in ends.items())


class Step(Protocol):
    """The meaning of one topic."""

    name: str
    """Stands for the topic in what the alarms say of its blocks."""

    async def warm(self, source: Source | None) -> None:
        """Prepares for the first block of a partition, or of all of them (`None`)."""
        ...

    async def build(self, block: Block) -> Any:
        """Does what needs no store; may run while the block before is written."""
        ...

    async def settle(self, block: Block, built: Any) -> Output:
        """Works out what a block comes to, from what `build` returned, which it leaves as it is.

        Called when every earlier block of the partition is stored; looks up which ids are.
        """
        ...

    def chosen(self, built: Any, chosen: Sequence[tuple[str, Numbers]]) -> list[StoredItems]:
        """Returns items that were settled before, by form and number, as `build` gave them anew."""
        ...

    async def as_stored(self, stored: StoredItems) -> StoredItems:
        """Returns items of which some may have rows already, with the values that these have.

        Of `Table.kept` alone: the rest comes out as it did. So what a view lacks of a block is
        completed by what the rows say, also where prices have changed in between.
        """
        ...

    async def missing(
        self, table: Table, stored: StoredItems, *, beside: Block | None = None
    ) -> Numbers:
        """Returns those of the items that have no row in the table, or none beside a block's."""
        ...

    async def note(self, stored: StoredItems) -> None:
        """Takes note of items that are in the store now; called once a block."""
        ...

    async def follow(self, stored: StoredItems) -> None:
        """Does what must follow in the control plane. May be called twice."""
        ...
