"""How entries of the spool get to Kafka: a page is noted as handed over, durably, and then sent."""

import time
from concurrent.futures import Future
from functools import partial
from typing import Any

import structlog

from eventlog.jobs import Jobs
from eventlog.kafka_records import Record
from eventlog.kafka_sender import Sender
from eventlog.log import BrokerRefused, LogError, TopicPartition
from eventlog.spool_backlog import Backlog
from eventlog.spool_file import Entry, SpoolFile, StoredEntry

PAGE_ENTRIES = 64
PAGE_BYTES = 1 << 20
OUT_BYTES = 32 << 20
"""Of records that the producer has, beyond which no page follows."""
RETRIED_BYTES = 32 << 20
"""Of a partition's records that Kafka refuses: beyond it, those behind them wait on the disk. One
alone is smaller, and holds nobody up."""
RETRY_S = 1.0

log = structlog.get_logger(__name__)


def record_of(partition: TopicPartition, offset: int, entry: Entry) -> Record:
    """Returns the record that an entry holds."""
    record = Record(entry.record_id, partition, entry.value, entry.items, entry.created_ms)
    record.entry = offset
    return record


class Drain:
    """For the log's thread alone."""

    def __init__(self, file: SpoolFile, sender: Sender, jobs: Jobs) -> None:
        self._file = file
        self._sender = sender
        self._jobs = jobs
        self._is_stopped = False

    def stop(self) -> None:
        """Begins no other page."""
        self._is_stopped = True

    def advance(self, backlog: Backlog, now: float) -> None:
        """Hands over what the broker has refused, and the next page, if they may go."""
        if (
            self._is_stopped
            or backlog.is_handing
            or now < backlog.retry_at
            or self._sender.bytes >= OUT_BYTES
            or self._sender.is_stuck(backlog.partition)
        ):
            return
        if again := backlog.take_again():
            self._send(backlog, again)
        elif backlog.handed < backlog.end and backlog.retried_bytes < RETRIED_BYTES:
            self._hand(backlog)

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
        self._jobs.when(handed, partial(self._send_page, backlog, page))

    def _send_page(self, backlog: Backlog, page: list[StoredEntry], handed: "Future[Any]") -> None:
        backlog.is_handing = False
        if handed.exception() is not None:
            backlog.retry_at = time.monotonic() + RETRY_S
            return
        if backlog.uncertain:
            # Since the page was read: what may have to be sent again goes first.
            return
        records = []
        for offset, entry in page:
            if entry is None:
                backlog.note_lost(offset)
            else:
                records.append(record_of(backlog.partition, offset, entry))
        backlog.handed = page[-1].offset + 1
        self._send(backlog, records)

    def _send(self, backlog: Backlog, records: list[Record]) -> None:
        for number, record in enumerate(records):
            try:
                self._sender.send(record)
                backlog.out += 1
            except BrokerRefused as error:
                backlog.refuse(record, error)
            except LogError as error:
                log.error("spooled record not sent", reason=str(error))
                backlog.send_again(records[number:], RETRY_S)
                return
