"""The spool of Kafka's log: what Kafka does not acknowledge waits on disk, and follows.

A record is never sent twice by us: refusals and dead letters have no ids, so one that is in Kafka
twice is counted twice. While the process lives its producer keeps what it was given, for as long as
it takes; the spool has a copy, dropped when the acknowledgement comes. After a crash or a fatal
error the records that a producer had are looked for in Kafka by their ids, and only those that are
missing are sent. Whatever comes for a partition goes behind what is kept.
"""

import math
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import structlog

from eventlog.appends import Appends
from eventlog.kafka_records import Record, Report
from eventlog.kafka_sender import Sender
from eventlog.log import AppendUncertain, LogError, LogUnavailable, TopicPartition
from eventlog.spool_backlog import Backlog
from eventlog.spool_drain import PAGE_BYTES, PAGE_ENTRIES, Drain, record_of
from eventlog.spool_file import Entry, EntryRange, SpoolFile
from eventlog.spool_search import Searches
from schemas import metrics

SPOOLED = 2**63 - 1
"""The offset of what is in the spool: no record reaches it, so that who waits for it waits."""
TICK_S = 1.0

log = structlog.get_logger(__name__)


class OpenedSpool(NamedTuple):
    """The file of a spool, and what was found in it."""

    file: SpoolFile
    backlogs: dict[TopicPartition, Backlog]
    """Of every partition."""


def open_spool(path: Path, counts: Mapping[str, int], max_bytes: int) -> OpenedSpool:
    """Opens the spool's file for this process; `counts` are the partitions of Kafka's topics.

    Raises `LogUnavailable`, as where another process has it, and `LogDamaged`.
    """
    file = SpoolFile(path, counts, max_bytes)
    try:
        backlogs = {}
        for partition, entries in file.ranges().items():
            if entries.first is not None and partition.partition >= counts.get(partition.topic, 0):
                raise LogUnavailable(f"the spool holds records of {partition}, Kafka has no such")
            backlogs[partition] = _backlog(file, partition, entries)
    except BaseException:
        file.close()
        raise
    return OpenedSpool(file, backlogs)


def _backlog(file: SpoolFile, partition: TopicPartition, entries: EntryRange) -> Backlog:
    """Returns what is left of a partition; what a producer may have had of it is at the front."""
    backlog = Backlog(partition, entries.end, entries.end)
    if entries.first is None:
        return backlog
    offset = entries.first
    while page := file.read(partition, offset, PAGE_ENTRIES, PAGE_BYTES):
        for offset, entry in page:
            if entry is None:
                backlog.note_lost(offset)
            elif offset < entries.handed or entry.sent:
                backlog.uncertain.append(record_of(partition, offset, entry))
            else:
                backlog.handed = offset
                return backlog
        offset += 1
    return backlog


class Spool:
    """Takes records while the broker is away. For the thread of the log."""

    def __init__(
        self, opened: OpenedSpool, searches: Searches, *, sender: Sender, appends: Appends
    ) -> None:
        self._file, self._backlogs = opened
        self._active = {
            partition: backlog
            for partition, backlog in opened.backlogs.items()
            if not backlog.is_done()
        }
        self._searches = searches
        self._jobs = searches.jobs
        self._appends = appends
        self.drain = Drain(self._file, sender, self._jobs)
        self._measured_at = -math.inf
        self._measure()

    def stop_searches(self) -> None:
        """Has every search end without a result; it may take a moment. For any thread."""
        self._searches.stop()

    def close(self) -> None:
        """Removes what has arrived; for when the log's thread has ended. May be called twice."""
        self._searches.close()
        self._remove_gone()

    def is_active(self) -> bool:
        """Tells whether something waits here. May be asked in any thread."""
        return bool(self._active)

    def holds(self, partition: TopicPartition) -> bool:
        """Tells whether what comes for the partition has to go behind what is kept."""
        return self._backlogs[partition].holds()

    def keep(self, records: Iterable[Record]) -> None:
        """Writes records to the disk and answers them when they are there."""
        for record in records:
            backlog = self._active[record.partition] = self._backlogs[record.partition]
            entry = Entry(
                record.record_id, record.created_ms, record.was_sent, record.items, record.value
            )
            try:
                kept = self._file.append(record.partition, entry)
            except Exception as error:
                self._not_kept(record, error)
                continue
            backlog.coming += 1
            self._jobs.when(kept, partial(self._kept, record))

    def reported(self, report: Report) -> None:
        """Drops the entry of a record that is in Kafka, and looks after the others."""
        self._backlogs[report.record.partition].settle(report)

    def advance(self, now: float) -> float:
        """Hands on what waits, removes what has arrived; returns when to be called again."""
        if not self._active:
            return math.inf
        for backlog in self._active.values():
            if not backlog.uncertain:
                self.drain.advance(backlog, now)
            elif not (backlog.coming or backlog.is_searched):
                self._searches.begin(backlog)
        self._remove_gone()
        if now >= self._measured_at + TICK_S:
            self._measured_at = now
            self._measure()
        for partition in [one for one, backlog in self._active.items() if backlog.is_done()]:
            del self._active[partition]
        return now + TICK_S

    def is_busy(self) -> bool:
        """Tells whether somebody still waits for an answer."""
        return any(backlog.coming for backlog in self._active.values())

    def _remove_gone(self) -> None:
        backlogs = self._active.items()
        gone = {partition: backlog.take_gone() for partition, backlog in backlogs if backlog.gone}
        if gone:
            self._jobs.when(self._file.remove(gone), lambda _: self._measure())

    def _kept(self, record: Record, kept: "Future[dict[TopicPartition, int]]") -> None:
        backlog = self._backlogs[record.partition]
        backlog.coming -= 1
        error = kept.exception()
        if isinstance(error, Exception):
            self._not_kept(record, error)
            return
        offset = kept.result()[record.partition]
        backlog.note_durable(record, offset)
        if record.was_sent:
            self._file.hand(record.partition, offset + 1)
        else:
            self._appends.free(record.size)
        record.succeed(SPOOLED)

    def _not_kept(self, record: Record, error: Exception) -> None:
        log.warning("spool refused a record", reason=str(error))
        if record.was_sent:
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
