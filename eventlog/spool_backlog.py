"""What the spool knows of one partition: which entries wait, and which a producer has or had."""

import time

import structlog

from eventlog.kafka_records import Record, Report
from eventlog.log import LogError, TopicPartition
from schemas import metrics

REFUSED_RETRY_S = 5.0
"""A person has to see to what a broker refuses."""

log = structlog.get_logger(__name__)


class Backlog:
    """One partition's entries, in order: those before `handed` a producer has or had."""

    def __init__(self, partition: TopicPartition, handed: int, end: int) -> None:
        self.partition = partition
        self.handed = handed
        """The next entry to hand to the producer."""
        self.end = end
        self.coming = 0
        """Entries on their way to the disk."""
        self.is_handing = False
        self.out = 0
        """Entries that a producer has."""
        self.uncertain: list[Record] = []
        """Those that may be in Kafka: their producer is gone."""
        self.is_searched = False
        self.again: list[Record] = []
        """Those that are not in Kafka, to be sent again."""
        self.retried_bytes = 0
        """Of records that Kafka has refused, until it has them."""
        self.retry_at = 0.0
        self.gone: list[int] = []
        """Entries to remove."""

    def holds(self) -> bool:
        """Tells whether something has to go to the producer before whatever comes."""
        waits = self.handed < self.end or self.again or self.uncertain
        return bool(waits or self.coming or self.is_handing)

    def is_done(self) -> bool:
        """Tells whether nothing is left to do."""
        return not (self.holds() or self.out or self.gone)

    def note_durable(self, record: Record, offset: int) -> None:
        """Takes an entry in; its producer may have told of it already."""
        self.end = offset + 1
        if not record.was_sent:
            return
        # Nothing before it waits: what was not sent is kept behind what was.
        self.handed = self.end
        self.out += 1
        record.entry = offset
        if record.report is not None:
            self.settle(record.report)

    def settle(self, report: Report) -> None:
        """Hears from a producer."""
        record = report.record
        if record.entry is None:
            record.report = report
            return
        self.out -= 1
        if report.is_open:
            self.uncertain.append(record)
        elif report.error is None:
            self.note_arrived(record)
        else:
            self.refuse(record, report.error)

    def note_arrived(self, record: Record) -> None:
        """Has the entry of a record removed that is in Kafka."""
        assert record.entry is not None
        self.gone.append(record.entry)
        if record.is_retried:
            self.retried_bytes -= len(record.value)
        metrics.SPOOL_DRAINED.inc()

    def note_lost(self, offset: int) -> None:
        """Has a damaged entry removed."""
        log.error("spooled record damaged", partition=self.partition, offset=offset)
        self.gone.append(offset)

    def refuse(self, record: Record, error: LogError) -> None:
        """Has a record sent again that Kafka did not take; those behind it go on."""
        log.error("kafka refused a spooled record", reason=str(error))
        if not record.is_retried:
            record.is_retried = True
            self.retried_bytes += len(record.value)
        self.send_again([record], REFUSED_RETRY_S)

    def send_again(self, records: list[Record], after_s: float) -> None:
        """Has records sent again after some time."""
        self.again += records
        self.retry_at = time.monotonic() + after_s

    def end_search(self, looked_for: list[Record], present: set[str]) -> None:
        """Removes what is in Kafka, and has the rest sent again."""
        self.is_searched = False
        # Others may have become uncertain meanwhile.
        self.uncertain = self.uncertain[len(looked_for) :]
        for record in looked_for:
            if record.record_id in present:
                self.note_arrived(record)
            else:
                self.again.append(record)

    def take_again(self) -> list[Record]:
        """Returns what is to be sent again, once, in the order of the entries."""
        again, self.again = self.again, []
        return sorted(again, key=lambda record: record.entry or 0)

    def take_gone(self) -> list[int]:
        """Returns the entries to remove, once."""
        gone, self.gone = self.gone, []
        return gone
