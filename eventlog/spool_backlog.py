"""What the spool knows of one partition: which entries wait, and which a producer has or had."""

import time

import structlog

from eventlog.kafka_producer import Report
from eventlog.log import TopicPartition
from eventlog.spool_file import EntryRange
from schemas import metrics

REFUSED_RETRY_S = 5.0
"""A person has to see to what a broker refuses."""

log = structlog.get_logger(__name__)


class InFlight:
    """A record that a producer has or had."""

    def __init__(self, created_ms: int, offset: int | None = None) -> None:
        self.created_ms = created_ms
        self.offset = offset
        """Of its entry, `None` until that is durable."""
        self.report: Report | None = None
        """What came before its entry was durable."""


class Backlog:
    """One partition's entries, in order."""

    def __init__(self, partition: TopicPartition, entries: EntryRange) -> None:
        self.partition = partition
        self.handed = entries.end if entries.first is None else max(entries.first, entries.handed)
        """The next entry to hand to the producer; those in flight are passed over."""
        self.end = entries.end
        self.coming = 0
        """Entries on their way to the disk."""
        self.is_handing = False
        self.in_flight: dict[str, InFlight] = {}
        """By record id."""
        self.uncertain: set[str] = set()
        """Ids of those in flight whose producer is gone: they may be in Kafka."""
        self.is_searched = False
        self.arrived: set[int] = set()
        """Entries from `handed` on that are in Kafka: passed over too, until they are removed."""
        self.gone: list[int] = []
        """Entries to remove."""
        self.retry_at = 0.0

    def holds(self) -> bool:
        """Tells whether something has to go to the producer before whatever comes."""
        waits = self.handed < self.end
        return bool(self.coming or self.is_handing or waits or self.uncertain)

    def is_done(self) -> bool:
        """Tells whether nothing is left to do."""
        return not (self.holds() or self.in_flight or self.gone)

    def passes(self, offset: int, record_id: str) -> bool:
        """Tells whether a producer has, or had, an entry that is read again."""
        return record_id in self.in_flight or offset in self.arrived

    def note_handed(self, next_offset: int) -> None:
        """Goes on behind an entry of a page."""
        self.handed = next_offset
        self.arrived.discard(next_offset - 1)

    def note_durable(self, record_id: str, offset: int) -> None:
        """Takes an entry in; its producer may have told of it already."""
        self.end = offset + 1
        sent = self.in_flight.get(record_id)
        if sent is None:
            return
        if self.handed == offset:
            # Passed over, but never one before it that waits.
            self.handed = offset + 1
        sent.offset = offset
        if sent.report is not None:
            self.settle(record_id, sent.report)

    def settle(self, record_id: str, report: Report) -> None:
        """Hears from a producer; an entry of which nothing is known was refused by the spool."""
        sent = self.in_flight.get(record_id)
        if sent is None:
            return
        if sent.offset is None:
            sent.report = report
        elif report.is_open:
            self.uncertain.add(record_id)
        else:
            del self.in_flight[record_id]
            if report.error is None:
                self.note_arrived(sent.offset)
            else:
                log.error("kafka refused a spooled record", reason=str(report.error))
                self.back_to(sent.offset, REFUSED_RETRY_S)

    def note_arrived(self, offset: int) -> None:
        """Has an entry removed; a page that is being read, or will be, may still show it."""
        self.gone.append(offset)
        if offset >= self.handed:
            self.arrived.add(offset)
        metrics.SPOOL_DRAINED.inc()

    def note_lost(self, offset: int) -> None:
        """Has a damaged entry removed."""
        log.error("spooled record damaged", partition=self.partition, offset=offset)
        self.gone.append(offset)

    def take_gone(self) -> list[int]:
        """Returns the entries to remove, once."""
        gone, self.gone = self.gone, []
        return gone

    def begin_search(self) -> dict[str, InFlight]:
        """Returns the records to look for in Kafka; the others are certain by now."""
        self.uncertain &= self.in_flight.keys()
        self.is_searched = bool(self.uncertain)
        return {record_id: self.in_flight[record_id] for record_id in self.uncertain}

    def end_search(self, wanted: set[str], present: set[str]) -> None:
        """Removes what is in Kafka, and has the rest handed over again."""
        self.is_searched = False
        self.uncertain -= wanted
        for record_id in wanted:
            sent = self.in_flight.pop(record_id, None)
            # None where its producer told of it meanwhile.
            if sent is None or sent.offset is None:
                continue
            if record_id in present:
                self.note_arrived(sent.offset)
            else:
                self.handed = min(self.handed, sent.offset)

    def back_to(self, offset: int, after_s: float) -> None:
        """Has the entries from an offset on handed over again, after some time."""
        self.handed = min(self.handed, offset)
        self.retry_at = time.monotonic() + after_s
