"""The searches in Kafka for the records that a producer had that is gone."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

from eventlog.jobs import Jobs
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_records import Record
from eventlog.kafka_scan import Stopped, records_present
from eventlog.log import LogError
from eventlog.spool_backlog import Backlog

AT_ONCE = 8
RETRY_S = 1.0

log = structlog.get_logger(__name__)


class Searches:
    """Looks for records, each partition's in a thread of its own. Close it after use."""

    def __init__(self, address: KafkaAddress, settle_s: float, jobs: Jobs) -> None:
        self._address = address
        self._settle_s = settle_s
        self.jobs = jobs
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(AT_ONCE, "spool-search")

    def begin(self, backlog: Backlog) -> None:
        """Looks for what is uncertain of a backlog, for as long as it takes."""
        backlog.is_searched = True
        self._threads.submit(self._search, backlog, list(backlog.uncertain))

    def stop(self) -> None:
        """Has every search end without a result; it may take a moment."""
        self._stop.set()

    def close(self) -> None:
        """Ends every search. May be called twice."""
        self.stop()
        self._threads.shutdown()

    def _search(self, backlog: Backlog, wanted: list[Record]) -> None:
        while not self._stop.is_set():
            try:
                present = records_present(
                    self._address,
                    backlog.partition,
                    {record.record_id for record in wanted},
                    since_ms=min(record.created_ms for record in wanted),
                    settle_s=self._settle_s,
                    stop=self._stop,
                )
            except Stopped:
                return
            except LogError as error:
                log.info("spool waits for kafka", reason=str(error))
            except Exception:
                # Nobody else would hear of it, and the partition would wait for ever.
                log.exception("spool failed at a search")
            else:
                log.info(
                    "spool searched kafka",
                    partition=backlog.partition,
                    records=len(wanted),
                    present=len(present),
                )
                self.jobs.soon(partial(backlog.end_search, wanted, present))
                return
            self._stop.wait(RETRY_S)
