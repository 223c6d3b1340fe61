"""How entries of the spool get to Kafka: a page is noted as handed over, durably, and then sent."""

import time
from concurrent.futures import Future
from functools import partial
from typing import Any

import structlog

from eventlog.jobs import Jobs
from eventlog.kafka_producer import BrokerRefused
from eventlog.kafka_records import Record
from eventlog.kafka_sender import Sender
from eventlog.log import LogError
from eventlog.spool_backlog import REFUSED_RETRY_S, Backlog, InFlight
from eventlog.spool_file import Entry, SpoolFile, StoredEntry

PAGE_ENTRIES = 64
PAGE_BYTES = 1 << 20
OUT_BYTES = 32 << 20
"""Of entries that were handed to the producer and are not acknowledged."""
RETRY_S = 1.0

log = structlog.get_logger(__name__)


class Drain:
    """For the log's thread alone."""

    def __init__(self, file: SpoolFile, sender: Sender, jobs: Jobs) -> None:
        self._file = file
        self._sender = sender
        self._jobs = jobs
        self._out_bytes = 0
        self._is_stopped = False

    def stop(self) -> None:
        """Begins no other page."""
        self._is_stopped = True

    def reported(self, record: Record) -> None:
        """Hears that the producer does not have a record any more that was sent from here."""
        self._out_bytes -= len(record.value)

    def advance(self, backlog: Backlog, now: float) -> None:
        """Hands the next page over, if it may go."""
        if (
            backlog.handed < backlog.end
            and not (backlog.is_handing or backlog.uncertain or self._is_stopped)
            and now >= backlog.retry_at
            and self._out_bytes < OUT_BYTES
            and not self._sender.is_stuck(backlog.partition)
        ):
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
        for offset, entry in page:
            if backlog.uncertain:
                # Since the page was read: what may have to be sent again goes first.
                return
            if entry is None:
                backlog.note_lost(offset)
            elif not (
                backlog.passes(offset, entry.record_id) or self._send(backlog, offset, entry)
            ):
                return
            backlog.note_handed(offset + 1)

    def _send(self, backlog: Backlog, offset: int, entry: Entry) -> bool:
        record = Record(
            entry.record_id, backlog.partition, entry.value, entry.items, entry.created_ms
        )
        try:
            self._sender.send(record)
        except LogError as error:
            log.error("spooled record not sent", reason=str(error))
            is_refused = isinstance(error, BrokerRefused)
            backlog.back_to(offset, REFUSED_RETRY_S if is_refused else RETRY_S)
            return False
        backlog.in_flight[entry.record_id] = InFlight(entry.created_ms, offset)
        self._out_bytes += len(entry.value)
        return True
