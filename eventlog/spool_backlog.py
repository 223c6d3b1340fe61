"""What the spool knows of one partition: which entries wait, and which a producer has or had."""

from typing import NamedTuple

from eventlog.log import TopicPartition
from eventlog.spool_file import Place


class Given(NamedTuple):
    """A record that a producer has or had."""

    offset: int | None
    """Of its entry, `None` until that is durable."""
    created_ms: int


class Backlog:
    """One partition's entries, in order."""

    def __init__(self, partition: TopicPartition, place: Place) -> None:
        self.partition = partition
        self.handed = place.end if place.first is None else max(place.first, place.handed)
        """The next entry to hand to the producer; those in `given` are passed over."""
        self.end = place.end
        self.coming = 0
        """Entries on their way to the disk."""
        self.is_handing = False
        self.given: dict[str, Given] = {}
        """By record id."""
        self.doubtful: set[str] = set()
        """Ids of those given whose producer is gone."""
        self.arrived: set[int] = set()
        """Entries from `handed` on that are in Kafka: passed over too, until they are removed."""
        self.is_searched = False
        self.retry_at = 0.0

    @property
    def is_doubtful(self) -> bool:
        """Whether some of those given had a producer that is gone."""
        return bool(self.doubtful)

    def holds(self) -> bool:
        """Tells whether something has to go to the producer before whatever comes."""
        waits = self.handed < self.end
        return bool(self.coming) or self.is_handing or waits or self.is_doubtful

    def passes(self, offset: int, record_id: str) -> bool:
        """Tells whether a producer has, or had, an entry that is read again."""
        return record_id in self.given or offset in self.arrived

    def note_handed(self, next_offset: int) -> None:
        """Goes on behind the entries of a page."""
        self.handed = next_offset
        self.arrived.discard(next_offset - 1)

    def note_arrived(self, offset: int) -> None:
        """Remembers what a page that is being read, or will be, may still show."""
        if offset >= self.handed:
            self.arrived.add(offset)

    def note_sent(self, offset: int) -> None:
        """Passes over an entry that is given, but never over one before it that waits."""
        if self.handed == offset:
            self.handed = offset + 1

    def take_doubtful(self) -> dict[str, Given]:
        """Returns the records to look for in Kafka; the others are doubted no more."""
        self.doubtful &= self.given.keys()
        return {record_id: self.given[record_id] for record_id in self.doubtful}

    def back_to(self, offset: int, retry_at: float) -> None:
        """Has the entries from an offset on handed over again, at a time."""
        self.handed = min(self.handed, offset)
        self.retry_at = retry_at
