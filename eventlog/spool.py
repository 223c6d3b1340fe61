"""The edge's log where there is Kafka: what Kafka does not acknowledge waits on disk, and follows.

A record is never sent twice by us: refusals and dead letters have no ids, so one that is in Kafka
twice is counted twice. While the process lives its producer keeps what it was given, for as long as
it takes; the spool has a copy, dropped when the acknowledgement comes. After a crash or a fatal
error the records that a producer had are looked for in Kafka by their ids, and only those that are
missing are sent. Whatever comes for a partition goes behind what is kept.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog
from msgspec import Struct

from eventlog.batches import size_of
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_producer import Report
from eventlog.kafka_records import Record
from eventlog.kafka_writer import Writer
from eventlog.log import (
    Addressed,
    AppendUncertain,
    LogError,
    LogFull,
    LogUnavailable,
    TopicPartition,
)
from eventlog.records import Refusal
from eventlog.spool_backlog import Backlog, InFlight
from eventlog.spool_drain import PAGE_BYTES, PAGE_ENTRIES, Drain
from eventlog.spool_file import Entry, SpoolFile
from eventlog.spool_search import Searches
from schemas import metrics

SPOOLED = 2**63 - 1
"""The offset of what is in the spool: no record reaches it, so that who waits for it waits."""
CHUNKS_SHARE = 15 / 16
"""Of the room; the rest is for what entries have beside their chunks."""
TICK_S = 1.0

log = structlog.get_logger(__name__)


class SpoolLimits(Struct, frozen=True):
    """What the spool may hold, and how careful it is after a crash."""

    max_bytes: int = 1 << 30
    settle_ms: int = 5_000
    """How long a broker that answers again may take to append what it had received before."""


class SpooledLog:
    """An `EventLog`: a `KafkaLog`, which it closes, and its spool. Open it once a process."""

    def __init__(self, kafka: KafkaLog, path: Path, limits: SpoolLimits | None = None) -> None:
        limits = limits or SpoolLimits()
        self._kafka = kafka
        self._room = int(limits.max_bytes * CHUNKS_SHARE)
        self._file = SpoolFile(path, kafka.counts, limits.max_bytes)
        self.damaged = self._file.damaged
        """Done when damage was met while at work: the spool has to be opened anew."""
        self._searches = Searches(kafka.address, limits.settle_ms / 1_000, kafka.writer.jobs)
        try:
            self.spool = Spool(self._file, self._searches, kafka.writer, kafka.counts)
        except BaseException:
            self._file.close()
            raise
        kafka.stand_by(self.spool)

    @property
    def stored_bytes(self) -> int:
        """How many bytes wait on disk."""
        return self._file.stored_bytes

    @property
    def fullness(self) -> float:
        """How much of the room is taken, 1 when nothing more is."""
        return self._file.stored_bytes / self._room

    @property
    def queued_bytes(self) -> int:
        """How many bytes of items are held in memory."""
        return self._kafka.queued_bytes

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has."""
        return self._kafka.partitions(topic)

    async def append(self, chunks: Sequence[Addressed]) -> dict[TopicPartition, int]:
        """Appends chunks; returns the offset that each is part of, `SPOOLED` for those on disk.

        Raises as `KafkaLog` does, and `LogFull` when the spool is: then nothing was appended. What
        Kafka may have, but the spool's disk refused, raises `AppendUncertain`.
        """
        if self.spool.is_active():
            # As a whole, before its chunks part for their partitions. All that is in memory may
            # have to go to the disk; some of it is there already.
            size = sum(size_of(chunk) for _, chunk in chunks)
            needed = self._file.stored_bytes + self._kafka.queued_bytes + size
            if needed > self._room:
                raise LogFull(f"the spool would hold {needed} bytes, its bound is {self._room}")
        return await self._kafka.append(chunks)

    async def append_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Counts refusals durably."""
        await self._kafka.append_refusals(refusals)

    def close(self) -> None:
        """Answers everybody who waits and ends; what is on disk stays. May be called twice."""
        self._searches.stop()
        self._kafka.writer.jobs.soon(self.spool.drain.stop)
        self._kafka.close()
        self._searches.close()
        self.spool.remove_gone()
        self._file.close()


class Spool:
    """Stands by for Kafka (`Standby`), in the thread of the log that it is given to."""

    def __init__(
        self, file: SpoolFile, searches: Searches, writer: Writer, counts: Mapping[str, int]
    ) -> None:
        self.drain = Drain(file, writer.sender, writer.jobs)
        self._file = file
        self._searches = searches
        self._jobs = writer.jobs
        self._appends = writer.appends
        self._backlogs: dict[TopicPartition, Backlog] = {}
        self._active: dict[TopicPartition, Backlog] = {}
        self._measured_at = -math.inf
        self._take_stock(counts)

    def is_active(self) -> bool:
        """Tells whether something waits here. May be asked in any thread."""
        return bool(self._active)

    def holds(self, partition: TopicPartition) -> bool:
        """Tells whether what comes for the partition has to go behind what is kept."""
        return self._backlogs[partition].holds()

    def keep(self, records: Iterable[Record], *, sent: bool) -> None:
        """Writes records to the disk and answers them when they are there."""
        for record in records:
            backlog = self._backlogs[record.partition]
            entry = Entry(record.record_id, record.created_ms, sent, record.items, record.value)
            try:
                kept = self._file.append(record.partition, entry)
            except Exception as error:
                self._not_kept(record, sent, error)
                continue
            self._active[record.partition] = backlog
            backlog.coming += 1
            if sent:
                backlog.in_flight[record.record_id] = InFlight(record.created_ms)
            self._jobs.when(kept, partial(self._kept, record, sent))

    def reported(self, record: Record, report: Report) -> None:
        """Drops the entry of a record that is in Kafka, and looks after the others."""
        if not record.appends:
            self.drain.reported(record)
        self._backlogs[record.partition].settle(record.record_id, report)

    def advance(self, now: float) -> float:
        """Hands on what waits, removes what has arrived; returns when to be called again."""
        if not self._active:
            return math.inf
        for backlog in self._active.values():
            if not backlog.uncertain:
                self.drain.advance(backlog, now)
            elif not (backlog.coming or backlog.is_searched):
                self._searches.begin(backlog)
        self.remove_gone()
        if now >= self._measured_at + TICK_S:
            self._measured_at = now
            self._measure()
        for partition in [one for one, backlog in self._active.items() if backlog.is_done()]:
            del self._active[partition]
        return now + TICK_S

    def is_busy(self) -> bool:
        """Tells whether somebody still waits for an answer."""
        return any(backlog.coming for backlog in self._active.values())

    def remove_gone(self) -> None:
        """Removes the entries that have arrived."""
        backlogs = self._active.items()
        gone = {partition: backlog.take_gone() for partition, backlog in backlogs if backlog.gone}
        if gone:
            self._jobs.when(self._file.remove(gone), lambda _: self._measure())

    def _take_stock(self, counts: Mapping[str, int]) -> None:
        """Finds what an earlier process left, and which of it may be in Kafka."""
        for partition, entries in self._file.ranges().items():
            backlog = self._backlogs[partition] = Backlog(partition, entries)
            if entries.first is None:
                continue
            if partition.partition >= counts.get(partition.topic, 0):
                raise LogUnavailable(f"the spool holds records of {partition}, Kafka has no such")
            self._active[partition] = backlog
            self._suspect(backlog, entries.first)
        self._measure()

    def _suspect(self, backlog: Backlog, offset: int) -> None:
        """Marks the entries that a producer may have had: they are at the front."""
        while page := self._file.read(backlog.partition, offset, PAGE_ENTRIES, PAGE_BYTES):
            for stored in page:
                offset = stored.offset + 1
                if stored.entry is None:
                    backlog.note_lost(stored.offset)
                    continue
                if not (stored.offset < backlog.handed or stored.entry.sent):
                    return
                record_id = stored.entry.record_id
                backlog.uncertain.add(record_id)
                backlog.in_flight[record_id] = InFlight(stored.entry.created_ms, stored.offset)
                backlog.handed = max(backlog.handed, offset)

    def _kept(self, record: Record, sent: bool, kept: "Future[dict[TopicPartition, int]]") -> None:
        backlog = self._backlogs[record.partition]
        backlog.coming -= 1
        error = kept.exception()
        if isinstance(error, Exception):
            self._not_kept(record, sent, error)
            return
        offset = kept.result()[record.partition]
        backlog.note_durable(record.record_id, offset)
        if sent:
            self._file.hand(record.partition, offset + 1)
        else:
            self._appends.free(record.size)
        record.succeed(SPOOLED)

    def _not_kept(self, record: Record, sent: bool, error: Exception) -> None:
        log.warning("spool refused a record", reason=str(error))
        self._backlogs[record.partition].in_flight.pop(record.record_id, None)
        if sent:
            error = AppendUncertain(f"Kafka may have it or get it yet, the spool refused: {error}")
        else:
            self._appends.free(record.size)
            if not isinstance(error, LogError):
                error = LogUnavailable(f"the spool refused: {error}")
        record.fail(error)

    def _measure(self) -> None:
        metrics.SPOOL_BYTES.set(self._file.stored_bytes)
        oldest_ms = None
        with suppress(LogError):
            oldest_ms = self._file.oldest_ms()
        age_s = 0.0 if oldest_ms is None else time.time() - oldest_ms / 1_000
        metrics.SPOOL_OLDEST_SECONDS.set(max(0.0, age_s))
