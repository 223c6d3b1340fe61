"""The cluster's log as the edge writes it: an `EventLog` over Kafka.

One thread owns all state and works off a queue of jobs: appends, the broker's reports, and what a
standby (the spool) asks for. While a record of a partition is on its way the next one fills.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, Queue

import structlog
from msgspec import Struct

from eventlog.answers import Answers, Write
from eventlog.batches import Batch, Payload, put, size_of
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_lanes import Lane, Sealer, Sent, Standby
from eventlog.kafka_producer import (
    ID_HEADER,
    ITEMS_HEADER,
    SCHEMA_HEADER,
    KafkaProducer,
    Report,
)
from eventlog.log import Addressed, AppendUncertain, LogFull, LogUnavailable, TopicPartition
from eventlog.records import ENVELOPE_VERSION, Refusal
from eventlog.topics import OUTCOMES

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


class _Nobody:
    """Stands by where there is no spool: whoever waits is refused."""

    def __init__(self, kafka: "KafkaLog") -> None:
        self._kafka = kafka

    def holds(self, partition: TopicPartition) -> bool:
        return False

    def keep(self, records: Sequence[Sent], *, sent: bool) -> None:
        kind = AppendUncertain if sent else LogUnavailable
        for record in records:
            self._kafka.refuse(record, kind("Kafka does not answer"))
            if not sent:
                self._kafka.forget(record)

    def settled(self, record: Sent, report: Report) -> None:
        """Nobody waits for it any more."""

    def advance(self, now: float) -> float:
        return math.inf

    def is_busy(self) -> bool:
        return False


class KafkaLog:
    """Open it once a process. A call that fails may have been appended in part, or may be yet."""

    def __init__(
        self,
        address: KafkaAddress,
        partitions: Mapping[str, int],
        limits: KafkaLimits | None = None,
    ) -> None:
        self.address = address
        self.limits = limits or KafkaLimits()
        self.queued_bytes = 0
        """Of items that are held in memory, from their append to the broker's report."""
        self.is_closing = False
        self.counts = dict(partitions)
        self._lanes = {
            partition: Lane(partition)
            for topic, count in partitions.items()
            for partition in (TopicPartition(topic, number) for number in range(count))
        }
        self._busy: dict[TopicPartition, Lane] = {}
        # No SimpleQueue: its `get` waits for ever if its timeout ends as it begins (CPython 3.11).
        self._jobs: Queue[Callable[[], None]] = Queue()
        self._lock = threading.Lock()
        self._closed = False
        self._deadline = math.inf
        self._answers = Answers()
        self._standby: Standby = _Nobody(self)
        self._sealer = Sealer(self.limits.max_message_bytes)
        self._producer = self._connect()
        self._thread = threading.Thread(target=self._run, name="kafka-log", daemon=True)
        self._thread.start()

    def partitions(self, topic: str) -> int:
        """Returns how many partitions the topic has; a live topic is never given more."""
        return self.counts[topic]

    async def append(self, chunks: Sequence[Addressed]) -> dict[TopicPartition, int]:
        """Appends chunks, of any topics; returns the offset that each partition's ends in.

        Raises `LogFull` or `LogUnavailable`, `AppendUncertain` where it may be there yet;
        `BrokerRefused` where trying again is of no use.
        """
        return await self._append(chunks)

    async def append_refusals(self, refusals: Sequence[Refusal]) -> None:
        """Counts refusals durably."""
        await self._append([(TopicPartition(OUTCOMES.name, 0), list(refusals))])

    def stand_by(self, standby: Standby) -> None:
        """Gives the log somebody who takes records while the broker is away."""
        self._standby = standby

    def soon(self, job: Callable[[], None]) -> None:
        """Runs a job in the log's thread; after `close` it never does."""
        self._jobs.put(job)

    def close(self) -> None:
        """Answers everybody who waits and ends. May be called twice."""
        with self._lock:
            self._closed = True
        self._jobs.put(self._begin_end)
        self._thread.join()

    async def _append(
        self, payloads: Sequence[tuple[TopicPartition, Payload]]
    ) -> dict[TopicPartition, int]:
        if not payloads:
            return {}
        if unknown := {partition for partition, _ in payloads} - self._lanes.keys():
            raise KeyError(f"the log has not {unknown}")
        write = Write(payloads)
        with self._lock:
            # Under the lock: nothing may be queued behind the end, where no one looks.
            if self._closed:
                raise LogUnavailable("the log is closed")
            queued, bound = self.queued_bytes + write.size, self.limits.max_queued_bytes
            if queued > bound:
                raise LogFull(f"{queued} bytes would wait for Kafka, the bound is {bound}")
            self.queued_bytes = queued
            self._jobs.put(partial(self._take, write))
        return await write.future

    # What follows runs in the log's thread; what is public of it is for the standby.

    def send(self, record: Sent) -> None:
        """Sends a record behind those of its partition. Raises a `LogError`, then it did not."""
        headers: list[tuple[str, str | bytes | None]] = [
            (SCHEMA_HEADER, str(ENVELOPE_VERSION)),
            (ITEMS_HEADER, str(record.items)),
            (ID_HEADER, record.record_id),
        ]
        self._producer.send(
            record.record_id,
            record.partition,
            record.value,
            headers=headers,
            at_ms=record.created_ms,
        )
        lane = self._busy[record.partition] = self._lanes[record.partition]
        lane.in_flight[record.record_id] = (record, time.monotonic())

    def answer(self, record: Sent, offset: int) -> None:
        """Tells everybody whose items are in the record that they are durable."""
        for write in record.writes:
            write.offsets[record.partition] = offset
        self._finish(record.writes)

    def refuse(self, record: Sent, error: Exception) -> None:
        """Tells everybody whose items are in the record why they are not durable."""
        for write in record.writes:
            write.error = write.error or error
        self._finish(record.writes)

    def forget(self, record: Sent) -> None:
        """Notes that a record is no longer held in memory."""
        self._free(record.size)

    def is_stuck(self, partition: TopicPartition) -> bool:
        """Tells whether the broker has owed an acknowledgement for too long."""
        return time.monotonic() >= self._lanes[partition].oldest_at() + self._timeout_s

    @property
    def _timeout_s(self) -> float:
        return self.limits.produce_timeout_ms / 1_000

    def _run(self) -> None:
        wake = 0.0
        while not self._is_over():
            with suppress(Empty):
                self._do(self._jobs.get(timeout=max(0.0, wake - time.monotonic())))
            self._work_off()
            wake = self._advance(time.monotonic())
        for lane in self._busy.values():
            self._give_up(lane)
        self._producer.abandon()

    def _work_off(self) -> None:
        for _ in range(self._jobs.qsize()):
            self._do(self._jobs.get())

    def _do(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:
            # The thread must live, or every sender waits for ever.
            log.exception("kafka log failed at a job")

    def _take(self, write: Write) -> None:
        for partition, payload in write.payloads:
            lane = self._busy[partition] = self._lanes[partition]
            write.left += put(lane.batches, write, payload)

    def _advance(self, now: float) -> float:
        wake = now + IDLE_S
        for lane in list(self._busy.values()):
            wake = min(wake, self._tried(partial(self._advance_lane, lane, now)))
        standby_wake = self._tried(partial(self._standby.advance, now))
        return min(wake, standby_wake, self._deadline)

    def _tried(self, advance: Callable[[], float]) -> float:
        try:
            return advance()
        except Exception:
            log.exception("kafka log failed at its own work")
            return time.monotonic() + FAILED_RETRY_S

    def _advance_lane(self, lane: Lane, now: float) -> float:
        """Lets records of the lane go as far as they may; returns when to look again."""
        if lane.awaited and self.is_stuck(lane.partition):
            self._doubt(lane)
        linger_s = 0.0 if self.is_closing else self.limits.linger_ms / 1_000
        due_at = lane.released_at + linger_s
        if self.is_stuck(lane.partition) or self._standby.holds(lane.partition):
            if lane.batches and now >= due_at:
                self._divert(lane, now)
        else:
            self._release(lane, now, is_due=now >= due_at)
        if not lane.batches and not lane.in_flight:
            self._busy.pop(lane.partition, None)
        overdue_at = lane.oldest_at() + self._timeout_s if lane.awaited else math.inf
        return min(overdue_at, due_at if lane.batches and now < due_at else math.inf)

    def _doubt(self, lane: Lane) -> None:
        """Has all that is on its way kept at once: nothing that comes later may get between."""
        doubted = list(lane.awaited.values())
        lane.awaited.clear()
        self._standby.keep(doubted, sent=True)

    def _divert(self, lane: Lane, now: float) -> None:
        records = [record for batch in lane.batches for record in self._records_of(lane, batch)]
        lane.batches.clear()
        lane.released_at = now
        self._standby.keep(records, sent=False)

    def _release(self, lane: Lane, now: float, *, is_due: bool) -> None:
        while lane.batches and (
            len(lane.batches) > 1
            or lane.batches[0].is_full()
            or (is_due and not lane.in_flight)
            or self.is_closing
        ):
            lane.released_at = now
            for record in self._records_of(lane, lane.batches.popleft()):
                self._send_new(lane, record)

    def _send_new(self, lane: Lane, record: Sent) -> None:
        try:
            self.send(record)
            lane.awaited[record.record_id] = record
        except LogUnavailable:
            # The producer broke. Behind what it had, whose order must not change.
            self._doubt(lane)
            self._standby.keep([record], sent=False)
        except Exception as error:
            self.forget(record)
            self.refuse(record, error)

    def _records_of(self, lane: Lane, batch: Batch[Write]) -> Iterator[Sent]:
        """Yields the batch as a record, or as one a part where a part of it cannot be one."""
        parts = []
        for write, payload in batch.parts:
            # A request that was given up was never answered: leave it out.
            if write.future.cancelled():
                self._free(size_of(payload))
            else:
                parts.append((write, payload))
        try:
            if parts:
                yield self._sealer.seal(lane.partition, parts)
        except Exception:
            for part in parts:
                yield from self._alone(lane.partition, part)

    def _alone(self, partition: TopicPartition, part: tuple[Write, Payload]) -> Iterator[Sent]:
        try:
            yield self._sealer.seal(partition, [part])
        except Exception as error:
            # Of its sender alone: a bug in one write is no reason to refuse its neighbours.
            self._free(size_of(part[1]))
            part[0].error = part[0].error or error
            self._finish([part[0]])

    def _settle(self, reports: Iterable[Report]) -> None:
        for report in reports:
            lane = self._lanes[report.partition]
            record, _ = lane.in_flight.pop(report.record_id, (None, 0.0))
            if record is None:
                continue
            self.forget(record)
            if report.is_open and report.record_id in lane.awaited:
                self._doubt(lane)
            if lane.awaited.pop(report.record_id, None) is None:
                self._standby.settled(record, report)
            elif report.error is None:
                self.answer(record, report.offset)
            else:
                self.refuse(record, report.error)

    def _finish(self, writes: Iterable[Write]) -> None:
        done = []
        for write in writes:
            write.left -= 1
            if not write.left:
                done.append(write)
        self._answers.add(done)

    def _free(self, size: int) -> None:
        with self._lock:
            self.queued_bytes -= size

    def _connect(self) -> KafkaProducer:
        return KafkaProducer(
            self.address,
            max_message_bytes=self.limits.max_message_bytes,
            max_queued_bytes=self.limits.max_queued_bytes,
            on_reports=lambda reports: self._jobs.put(partial(self._settle, reports)),
            on_trouble=lambda: self._jobs.put(self._look_after_trouble),
        )

    def _look_after_trouble(self) -> None:
        """Doubts everything in flight: the brokers are away, or the producer is beyond use."""
        for lane in self._busy.values():
            for record_id, (record, _) in lane.in_flight.items():
                lane.in_flight[record_id] = (record, -math.inf)
        if self._producer.is_broken:
            owed = [record for lane in self._busy.values() for record, _ in lane.in_flight.values()]
            broken, self._producer = self._producer, self._connect()
            # Its reports say that the outcomes are open; they are worked off before anything else.
            broken.abandon()
            self._work_off()
            gone = LogUnavailable("Kafka's client broke")
            self._settle(
                Report(record.record_id, record.partition, -1, gone, is_open=True)
                for record in owed
            )

    def _begin_end(self) -> None:
        self.is_closing = True
        self._deadline = min(self._deadline, time.monotonic() + self._timeout_s + CLOSE_S)

    def _is_over(self) -> bool:
        if not self.is_closing:
            return False
        if time.monotonic() >= self._deadline:
            return True
        waiting = any(
            lane.batches or lane.awaited or (lane.in_flight and not self.is_stuck(lane.partition))
            for lane in self._busy.values()
        )
        return not waiting and not self._standby.is_busy() and self._jobs.empty()

    def _give_up(self, lane: Lane) -> None:
        for record in lane.awaited.values():
            self.refuse(record, AppendUncertain("the log is closed"))
        for batch in lane.batches:
            for write, _ in batch.parts:
                write.error = LogUnavailable("the log is closed")
                self._finish([write])
