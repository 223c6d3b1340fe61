"""The thread that writes into Kafka: while a record of a partition is on its way the next fills.

It calls the spool and the sender; the spool calls the sender too. Nobody calls back but the sender,
which tells of each record once what became of it.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

import structlog
from msgspec import Struct

from eventlog.appends import Append, Appends
from eventlog.batches import Batch, put
from eventlog.jobs import Jobs
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_records import Record, RecordMaker, Report
from eventlog.kafka_sender import Sender
from eventlog.log import AppendUncertain, LogUnavailable, TopicPartition
from eventlog.spool import OpenedSpool, Spool
from eventlog.spool_search import Searches

IDLE_S = 60.0
FAILED_RETRY_S = 1.0
CLOSE_S = 3.0
"""How long a close waits for the broker beyond the time that a produce may take."""

log = structlog.get_logger(__name__)


class KafkaLimits(Struct, frozen=True):
    """What waits on the way to the broker, and for how long."""

    max_queued_bytes: int = 128 << 20
    """Of items that have not been acknowledged."""
    max_message_bytes: int = 17 << 20
    """Of one record, as the topics allow it."""
    produce_timeout_ms: int = 2_000
    """Without an acknowledgement for so long the broker is taken to be away."""
    linger_ms: int = 5
    """Least time between two records of a partition that are not full."""

    spool_max_bytes: int = 1 << 30
    settle_ms: int = 5_000
    """How long a broker that answers again may take to append what it had received before."""


class PartitionQueue:
    """What waits for one partition, and the records in flight that nobody else keeps."""

    def __init__(self, partition: TopicPartition) -> None:
        self.partition = partition
        self.batches: deque[Batch[Append]] = deque()
        self.released_at = 0.0
        self.awaited: dict[str, Record] = {}


class Writer:
    """Owns the queues of the partitions. All but `close` is for its own thread."""

    def __init__(self, address: KafkaAddress, opened: OpenedSpool, limits: KafkaLimits) -> None:
        self._limits = limits
        self._timeout_s = limits.produce_timeout_ms / 1_000
        self.jobs = Jobs()
        self.appends = Appends(
            limits.max_queued_bytes, lambda append: self.jobs.soon(partial(self._take, append))
        )
        self.records = RecordMaker(limits.max_message_bytes, self.appends)
        self.sender = Sender(
            address,
            self.jobs,
            self._reported,
            timeout_s=self._timeout_s,
            max_message_bytes=limits.max_message_bytes,
            max_queued_bytes=limits.max_queued_bytes,
        )
        searches = Searches(address, limits.settle_ms / 1_000, self.jobs)
        self.spool = Spool(opened, searches, sender=self.sender, appends=self.appends)
        self._queues = {partition: PartitionQueue(partition) for partition in opened.backlogs}
        self._busy: dict[TopicPartition, PartitionQueue] = {}
        self._is_closing = False
        self._deadline = math.inf
        self._thread = threading.Thread(target=self._run, name="kafka-log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answers everybody who waits and ends the thread. May be called twice."""
        self.appends.close()
        self.spool.stop_searches()
        self.jobs.soon(self._begin_end)
        self._thread.join()
        self.spool.close()

    def _run(self) -> None:
        wake = 0.0
        while not self._is_over():
            self.jobs.run_until(wake)
            wake = self._advance(time.monotonic())
        for queue in self._busy.values():
            self._give_up(queue)
        self.sender.abandon()

    def _take(self, append: Append) -> None:
        for partition, payload in append.payloads:
            queue = self._busy[partition] = self._queues[partition]
            append.left += put(queue.batches, append, payload)

    def _advance(self, now: float) -> float:
        wake = min(now + IDLE_S, self._deadline)
        for queue in list(self._busy.values()):
            wake = min(wake, _tried(partial(self._advance_queue, queue, now)))
        # Whatever waits for too long is in the spool, which wakes this thread every second.
        self.sender.advance()
        return min(wake, _tried(partial(self.spool.advance, now)))

    def _advance_queue(self, queue: PartitionQueue, now: float) -> float:
        """Lets records of a partition go as far as they may; returns when to look again."""
        partition = queue.partition
        is_stuck = self.sender.is_stuck(partition)
        if queue.awaited and is_stuck:
            self._keep_awaited(queue)
        due_at = queue.released_at
        if not self._is_closing:
            due_at += self._limits.linger_ms / 1_000
        if is_stuck or self.spool.holds(partition):
            if queue.batches and now >= due_at:
                self._divert(queue, now)
        else:
            self._release(queue, now, is_due=now >= due_at)
        if not queue.batches and not queue.awaited:
            self._busy.pop(partition, None)
        overdue_at = self.sender.overdue_at(partition) if queue.awaited else math.inf
        return min(overdue_at, due_at if queue.batches and now < due_at else math.inf)

    def _keep_awaited(self, queue: PartitionQueue) -> None:
        """Has all that is on its way kept at once: nothing that comes later may get between."""
        records = list(queue.awaited.values())
        queue.awaited.clear()
        self.spool.keep(records)

    def _divert(self, queue: PartitionQueue, now: float) -> None:
        batches = list(queue.batches)
        queue.batches.clear()
        queue.released_at = now
        for batch in batches:
            self.spool.keep(self.records.records_of(queue.partition, batch))

    def _release(self, queue: PartitionQueue, now: float, *, is_due: bool) -> None:
        batches = queue.batches
        while batches and (
            len(batches) > 1
            or batches[0].is_full()
            or (is_due and not self.sender.has(queue.partition))
            or self._is_closing
        ):
            queue.released_at = now
            for record in self.records.records_of(queue.partition, batches.popleft()):
                self._send(queue, record)

    def _send(self, queue: PartitionQueue, record: Record) -> None:
        try:
            if self.spool.holds(queue.partition):
                raise LogUnavailable("the record before it is kept")
            self.sender.send(record)
            queue.awaited[record.record_id] = record
        except LogUnavailable:
            # The producer broke. Behind what it had, whose order must not change.
            self._keep_awaited(queue)
            self.spool.keep([record])
        except Exception as error:
            self.appends.free(record.size)
            record.fail(error)

    def _reported(self, report: Report) -> None:
        record = report.record
        queue = self._queues[record.partition]
        self.appends.free(record.size)
        if report.is_open and record.record_id in queue.awaited:
            self._keep_awaited(queue)
        if queue.awaited.pop(record.record_id, None) is None:
            self.spool.reported(report)
        elif report.error is None:
            record.succeed(report.offset)
        else:
            record.fail(report.error)

    def _begin_end(self) -> None:
        self._is_closing = True
        self.spool.drain.stop()
        ends_at = time.monotonic() + self._timeout_s + CLOSE_S
        self._deadline = min(self._deadline, ends_at)

    def _is_over(self) -> bool:
        if not self._is_closing:
            return False
        if time.monotonic() >= self._deadline:
            return True
        waits = any(queue.batches or queue.awaited for queue in self._busy.values())
        is_idle = not waits and not self.sender.is_waiting() and not self.spool.is_busy()
        return is_idle and self.jobs.is_empty()

    def _give_up(self, queue: PartitionQueue) -> None:
        for record in queue.awaited.values():
            record.fail(AppendUncertain("the log is closed"))
        for batch in queue.batches:
            for append, _ in batch.parts:
                append.fail(LogUnavailable("the log is closed"))


def _tried(advance: Callable[[], float]) -> float:
    try:
        return advance()
    except Exception:
        log.exception("kafka log failed at its own work")
        return time.monotonic() + FAILED_RETRY_S
