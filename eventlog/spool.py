"""The edge's log where there is Kafka: what Kafka does not acknowledge waits on disk, and follows.

A record is never sent twice by us. While the process lives its producer keeps what it was given,
for as long as it takes; the spool has a copy, dropped when the acknowledgement comes. After a crash
or a fatal error the records that a producer had are looked for in Kafka by their ids, and
only those that are missing are sent. Whatever comes for a partition goes behind what is kept.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from msgspec import Struct

from eventlog.batches import size_of
from eventlog.kafka_lanes import Sent
from eventlog.kafka_log import KafkaLog
from eventlog.kafka_producer import BrokerRefused, Report
from eventlog.log import (
    Addressed,
    AppendUncertain,
    LogError,
    LogFull,
    LogUnavailable,
    TopicPartition,
)
from eventlog.records import Refusal
from eventlog.spool_backlog import Backlog, Given
from eventlog.spool_file import Entry, Kept, SpoolFile
from eventlog.spool_search import Searches
from schemas import metrics

SPOOLED = 2**63 - 1
"""The offset of what is in the spool: no record reaches it, so that who waits for it waits."""
PAGE_ENTRIES = 64
PAGE_BYTES = 1 << 20
OUT_BYTES = 32 << 20
"""Of entries that were handed to the producer and are not acknowledged."""
CHUNKS_SHARE = 15 / 16
"""Of the room; the rest is for what entries have beside their chunks."""
RETRY_S = 1.0
REFUSED_RETRY_S = 5.0
"""A person has to see to what a broker refuses."""
TICK_S = 1.0

log = structlog.get_logger(__name__)


class SpoolLimits(Struct, frozen=True):
    """What the spool may hold, and how careful it is after a crash."""

    max_bytes: int = 1 << 30
    settle_ms: int = 5_000
    """How long a broker that answers again may take to append what it had received before."""


class SpooledLog:
    """An `EventLog` around a `KafkaLog`, which it closes. Open it once a process."""

    def __init__(self, kafka: KafkaLog, path: Path, limits: SpoolLimits | None = None) -> None:
        self.limits = limits or SpoolLimits()
        self._kafka = kafka
        self._file = SpoolFile(path, kafka.counts, self.limits.max_bytes)
        self._room = int(self.limits.max_bytes * CHUNKS_SHARE)
        self.damaged = self._file.damaged
        """Done when damage was met while at work: the spool has to be opened anew."""
        self._searches = Searches(kafka.address, self.limits.settle_ms / 1_000)
        self._backlogs: dict[TopicPartition, Backlog] = {}
        self._active: dict[TopicPartition, Backlog] = {}
        self._gone: dict[TopicPartition, list[int]] = {}
        self._early: set[str] = set()
        """Records that were acknowledged before their entries were durable."""
        self._out_bytes = 0
        self._looked_at = -math.inf
        try:
            self._take_stock()
        except BaseException:
            self._file.close()
            raise
        kafka.stand_by(self)
        kafka.soon(lambda: None)

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
        if self._active:
            self._refuse_when_full(sum(size_of(chunk) for _, chunk in chunks))
        return await self._kafka.append(chunks)

    async def append_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Counts refusals durably."""
        await self._kafka.append_refusals(refusals)

    def close(self) -> None:
        """Answers everybody who waits and ends; what is on disk stays. May be called twice."""
        self._searches.stop()
        self._kafka.close()
        self._searches.close()
        if self._gone:
            self._file.remove(self._gone)
            self._gone = {}
        self._file.close()

    def _refuse_when_full(self, size: int) -> None:
        """Refuses a request as a whole, before its chunks part for their partitions.

        All that is in memory may have to go to the disk; some of it is there already.
        """
        needed = self._file.stored_bytes + self._kafka.queued_bytes + size
        if needed > self._room:
            raise LogFull(f"the spool would hold {needed} bytes, its bound is {self._room}")

    # What follows is the log's `Standby`, and runs in its thread.

    def holds(self, partition: TopicPartition) -> bool:
        """Tells whether what comes for the partition has to go behind what is kept."""
        backlog = self._active.get(partition)
        return backlog is not None and backlog.holds()

    def keep(self, records: Sequence[Sent], *, sent: bool) -> None:
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
                backlog.given[record.record_id] = Given(None, record.created_ms)
            self._then(kept, partial(self._kept, backlog, record, sent))

    def settled(self, record: Sent, report: Report) -> None:
        """Drops the entry of a record that is in Kafka, and looks after the others."""
        if not record.writes:
            self._out_bytes -= len(record.value)
        backlog = self._backlogs[record.partition]
        if record.record_id not in backlog.given:
            # The spool was full, and its sender was told so.
            return
        if report.is_open:
            backlog.doubtful.add(record.record_id)
            return
        offset = backlog.given.pop(record.record_id).offset
        if report.error is not None:
            log.error("kafka refused a spooled record", reason=str(report.error))
            again = backlog.end if offset is None else offset
            backlog.back_to(again, time.monotonic() + REFUSED_RETRY_S)
        elif offset is None:
            self._early.add(record.record_id)
        else:
            self._arrived(backlog, offset)

    def advance(self, now: float) -> float:
        """Hands on what waits, removes what has arrived; returns when to be called again."""
        if not self._active:
            return math.inf
        for backlog in list(self._active.values()):
            if backlog.is_doubtful and not backlog.coming and not backlog.is_searched:
                self._search(backlog)
            elif self._may_hand(backlog, now):
                self._hand(backlog)
            if not backlog.holds() and not backlog.given:
                del self._active[backlog.partition]
        if self._gone:
            gone, self._gone = self._gone, {}
            self._then(self._file.remove(gone), lambda _: self._measure())
        if now >= self._looked_at + TICK_S:
            self._looked_at = now
            self._measure()
        return now + TICK_S

    def is_busy(self) -> bool:
        """Tells whether somebody still waits for an answer."""
        return any(backlog.coming for backlog in self._active.values())

    def _take_stock(self) -> None:
        """Finds what an earlier process left, and which of it may be in Kafka."""
        places = self._file.places()
        for partition, place in places.items():
            backlog = self._backlogs[partition] = Backlog(partition, place)
            if place.first is None:
                continue
            if partition.partition >= self._kafka.counts.get(partition.topic, 0):
                raise LogUnavailable(f"the spool holds records of {partition}, Kafka has no such")
            self._active[partition] = backlog
            self._suspect(backlog, place.first)
        self._measure()

    def _suspect(self, backlog: Backlog, offset: int) -> None:
        """Doubts the entries that a producer may have had: they are at the front."""
        while page := self._file.read(backlog.partition, offset, PAGE_ENTRIES, PAGE_BYTES):
            for kept in page:
                offset = kept.offset + 1
                if kept.entry is None:
                    self._lost(backlog, kept.offset)
                    continue
                if not (kept.offset < backlog.handed or kept.entry.sent):
                    return
                backlog.doubtful.add(kept.entry.record_id)
                given = Given(kept.offset, kept.entry.created_ms)
                backlog.given[kept.entry.record_id] = given
                backlog.handed = max(backlog.handed, offset)

    def _kept(
        self,
        backlog: Backlog,
        record: Sent,
        sent: bool,
        future: "Future[dict[TopicPartition, int]]",
    ) -> None:
        backlog.coming -= 1
        error = future.exception()
        if isinstance(error, Exception):
            self._not_kept(record, sent, error)
            return
        offset = future.result()[record.partition]
        backlog.end = offset + 1
        if sent:
            backlog.note_sent(offset)
            self._file.hand(record.partition, offset + 1)
            self._place(backlog, record.record_id, offset)
        else:
            self._kafka.forget(record)
        self._kafka.answer(record, SPOOLED)

    def _place(self, backlog: Backlog, record_id: str, offset: int) -> None:
        given = backlog.given.get(record_id)
        if given is not None:
            backlog.given[record_id] = given._replace(offset=offset)
        elif record_id in self._early:
            self._early.discard(record_id)
            self._arrived(backlog, offset)
        else:
            # Kafka refused it meanwhile.
            backlog.back_to(offset, backlog.retry_at)

    def _not_kept(self, record: Sent, sent: bool, error: Exception) -> None:
        self._backlogs[record.partition].given.pop(record.record_id, None)
        self._early.discard(record.record_id)
        log.warning("spool refused a record", reason=str(error))
        if sent:
            error = AppendUncertain(f"Kafka may have it or get it yet, the spool refused: {error}")
        elif not isinstance(error, LogError):
            error = LogUnavailable(f"the spool refused: {error}")
        self._kafka.refuse(record, error)
        if not sent:
            self._kafka.forget(record)

    def _may_hand(self, backlog: Backlog, now: float) -> bool:
        return (
            backlog.handed < backlog.end
            and not (backlog.is_handing or backlog.is_doubtful or self._kafka.is_closing)
            and now >= backlog.retry_at
            and self._out_bytes < OUT_BYTES
            and not self._kafka.is_stuck(backlog.partition)
        )

    def _hand(self, backlog: Backlog) -> None:
        """Notes durably that a page of entries may be in Kafka from now on, and then sends it."""
        try:
            page = self._file.read(backlog.partition, backlog.handed, PAGE_ENTRIES, PAGE_BYTES)
            if not page:
                backlog.handed = backlog.end
                return
            handed = self._file.hand(backlog.partition, page[-1].offset + 1)
        except LogError as error:
            log.error("spool cannot be read", reason=str(error))
            backlog.retry_at = time.monotonic() + RETRY_S
            return
        backlog.is_handing = True
        self._then(handed, partial(self._send_page, backlog, page))

    def _send_page(self, backlog: Backlog, page: list[Kept], future: "Future[Any]") -> None:
        backlog.is_handing = False
        if future.exception() is not None:
            backlog.retry_at = time.monotonic() + RETRY_S
            return
        for offset, entry in page:
            if entry is None:
                self._lost(backlog, offset)
            elif not (
                backlog.passes(offset, entry.record_id) or self._send(backlog, offset, entry)
            ):
                return
            backlog.note_handed(offset + 1)

    def _send(self, backlog: Backlog, offset: int, entry: Entry) -> bool:
        record = Sent(
            entry.record_id,
            backlog.partition,
            entry.value,
            entry.items,
            entry.created_ms,
            writes=[],
            size=0,
        )
        try:
            self._kafka.send(record)
        except LogError as error:
            log.error("spooled record not sent", reason=str(error))
            after_s = REFUSED_RETRY_S if isinstance(error, BrokerRefused) else RETRY_S
            backlog.back_to(offset, time.monotonic() + after_s)
            return False
        backlog.given[entry.record_id] = Given(offset, entry.created_ms)
        self._out_bytes += len(entry.value)
        return True

    def _lost(self, backlog: Backlog, offset: int) -> None:
        log.error("spooled record damaged", partition=backlog.partition, offset=offset)
        self._gone.setdefault(backlog.partition, []).append(offset)

    def _arrived(self, backlog: Backlog, offset: int) -> None:
        self._gone.setdefault(backlog.partition, []).append(offset)
        backlog.note_arrived(offset)
        metrics.SPOOL_DRAINED.inc()

    def _search(self, backlog: Backlog) -> None:
        wanted = backlog.take_doubtful()
        if not wanted:
            # The file took none of them, and their senders were told so.
            return
        backlog.is_searched = True

        def found(present: Collection[str]) -> None:
            self._kafka.soon(partial(self._found, backlog, wanted, present))

        self._searches.begin(backlog.partition, wanted, found)

    def _found(
        self, backlog: Backlog, wanted: Mapping[str, Given], present: Collection[str]
    ) -> None:
        backlog.is_searched = False
        backlog.doubtful -= wanted.keys()
        for record_id in wanted:
            given = backlog.given.pop(record_id, None)
            if given is None:
                # Its producer told of it meanwhile.
                continue
            offset = given.offset or 0
            if record_id in present:
                self._arrived(backlog, offset)
            else:
                backlog.handed = min(backlog.handed, offset)

    def _measure(self) -> None:
        metrics.SPOOL_BYTES.set(self._file.stored_bytes)
        oldest_ms = None
        with suppress(LogError):
            oldest_ms = self._file.oldest_ms()
        age_s = 0.0 if oldest_ms is None else time.time() - oldest_ms / 1_000
        metrics.SPOOL_OLDEST_SECONDS.set(max(0.0, age_s))

    def _then(self, future: "Future[Any]", job: Callable[["Future[Any]"], None]) -> None:
        """Goes on in the log's thread when the file has done something."""
        future.add_done_callback(lambda done: self._kafka.soon(partial(job, done)))
