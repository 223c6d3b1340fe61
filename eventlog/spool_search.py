"""The spool's searches in Kafka for the records that a producer had that is gone."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import structlog

from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_scan import Stopped, records_present
from eventlog.log import LogError, TopicPartition
from eventlog.spool_backlog import Given

AT_ONCE = 8
RETRY_S = 1.0

log = structlog.get_logger(__name__)

Found = Callable[[set[str]], None]
"""Told, in a searcher's thread, which of the ids are in Kafka."""


class Searches:
    """Looks for records, each partition's in a thread of its own. Close it after use."""

    def __init__(self, address: KafkaAddress, settle_s: float) -> None:
        self._address = address
        self._settle_s = settle_s
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(AT_ONCE, "spool-search")

    def begin(self, partition: TopicPartition, wanted: Mapping[str, Given], found: Found) -> None:
        """Looks for records, at least one, for as long as it takes."""
        self._threads.submit(self._find, partition, wanted, found)

    def stop(self) -> None:
        """Has every search end without a result; it may take a moment."""
        self._stop.set()

    def close(self) -> None:
        """Ends every search. May be called twice."""
        self.stop()
        self._threads.shutdown()

    def _find(self, partition: TopicPartition, wanted: Mapping[str, Given], found: Found) -> None:
        while not self._stop.is_set():
            try:
                present = records_present(
                    self._address,
                    partition,
                    wanted.keys(),
                    since_ms=min(given.created_ms for given in wanted.values()),
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
                    partition=partition,
                    records=len(wanted),
                    present=len(present),
                )
                found(present)
                return
            self._stop.wait(RETRY_S)
