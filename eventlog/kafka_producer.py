"""The one connection by which records go into Kafka: librdkafka's producer and who polls it.

Idempotent, and a record is never given up: librdkafka repeats it under its own number until the
broker has it once, however long that takes. Only a fatal error or `abandon` leaves an outcome open.
"""

import threading
from collections.abc import Callable

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_records import Record, Report
from eventlog.log import BrokerRefused, LogError, LogFull, LogUnavailable
from eventlog.records import ENVELOPE_VERSION

POLL_S = 0.5
"""How long the poller may take to notice that it is to end; reports wake it at once."""
FLUSH_S = 5.0
SCHEMA_HEADER, ITEMS_HEADER, ID_HEADER = "schema", "items", "id"

OPEN_OUTCOMES = frozenset(
    {
        KafkaError._PURGE_INFLIGHT,
        KafkaError._PURGE_QUEUE,
        KafkaError._MSG_TIMED_OUT,
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
        KafkaError._DESTROY,
    }
)
"""Reports after which the record may or may not be in the log."""

log = structlog.get_logger(__name__)


class KafkaProducer:
    """Sends records in order, partition by partition; `on_reports` is called from its thread."""

    def __init__(
        self,
        address: KafkaAddress,
        *,
        max_message_bytes: int,
        max_queued_bytes: int,
        on_reports: Callable[[list[Report]], None],
        on_trouble: Callable[[], None],
    ) -> None:
        self._address = address
        self._on_reports = on_reports
        self._on_trouble = on_trouble
        self._reports: list[Report] = []
        self._closed = threading.Event()
        self._complaint: int | None = None
        self.is_broken = False
        self._producer = Producer(
            address.librdkafka()
            | {
                "acks": "all",
                "enable.idempotence": True,
                # Never given up: whoever waits is answered by the spool, and a record that were
                # forgotten here could be in the log all the same.
                "message.timeout.ms": 0,
                "request.timeout.ms": 10_000,
                "socket.timeout.ms": 10_000,
                "retry.backoff.max.ms": 1_000,
                # The records are compressed and coalesced already.
                "compression.type": "none",
                "linger.ms": 0,
                "message.max.bytes": max_message_bytes,
                "queue.buffering.max.kbytes": max(1, 2 * max_queued_bytes >> 10),
                "error_cb": self._on_error,
                "logger": _Quiet(),
            }
        )
        self._thread = threading.Thread(target=self._poll, name="kafka-poller", daemon=True)
        self._thread.start()

    def send(self, record: Record) -> None:
        """Queues a record; a report follows. Raises a `LogError`, then there is none."""

        def reported(error: KafkaError | None, message: Message) -> None:
            self._reports.append(_report(record, error, message))

        headers: list[tuple[str, str | bytes | None]] = [
            (SCHEMA_HEADER, str(ENVELOPE_VERSION)),
            (ITEMS_HEADER, str(record.items)),
            (ID_HEADER, record.record_id),
        ]
        try:
            self._producer.produce(
                self._address.topic(record.partition.topic),
                record.value,
                partition=record.partition.partition,
                headers=headers,
                timestamp=record.created_ms,
                on_delivery=reported,
            )
        except BufferError as error:
            raise LogFull("the queue of records for Kafka is full") from error
        except KafkaException as error:
            if is_fatal(error.args[0]):
                self._break(error.args[0])
            raise error_of(error.args[0]) from error

    def has_answer(self, within_s: float) -> bool:
        """Asks the brokers; tells whether one answers in time. For any thread."""
        try:
            self._producer.list_topics(timeout=within_s)
        except KafkaException:
            return False
        return True

    def abandon(self) -> None:
        """Ends at once; what had no report gets one whose outcome is open. May be called twice.

        A producer that does not end in time owes reports, which never come.
        """
        if not self._closed.is_set():
            self._closed.set()
            self._thread.join()
            self._serve(self._producer.purge)
            self._serve(lambda: self._producer.flush(FLUSH_S))

    def _poll(self) -> None:
        while not self._closed.is_set():
            self._serve(lambda: self._producer.poll(POLL_S))

    def _serve(self, serve: Callable[[], object]) -> None:
        """Lets librdkafka call back. A fatal error is raised here, and never told to `error_cb`."""
        try:
            serve()
        except Exception as error:
            if isinstance(error, KafkaException):
                self._on_error(error.args[0])
            else:
                log.exception("kafka producer failed at a report")
            # One that comes again at once must not take a core.
            self._closed.wait(POLL_S)
        self._hand_over()

    def _hand_over(self) -> None:
        if self._reports:
            reports, self._reports = self._reports, []
            self._on_reports(reports)

    def _on_error(self, error: KafkaError) -> None:
        if self.is_broken:
            # It is given up already: what else it meets is nobody's trouble.
            return
        if is_fatal(error):
            self._break(error)
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            log.warning("kafka is away", reason=error.str())
            self._on_trouble()
        elif error.code() != self._complaint:
            # Once, not at every try to connect.
            log.info("kafka client complains", reason=str(error))
        self._complaint = error.code()

    def _break(self, error: KafkaError) -> None:
        if not self.is_broken:
            self.is_broken = True
            log.error("kafka producer broke", reason=str(error))
            self._on_trouble()


class _Quiet:
    """Takes librdkafka's own log lines, which say nothing that `error_cb` does not."""

    def log(self, _level: int, _format: str, *_args: object) -> None:
        """Drops a line."""


def error_of(error: KafkaError) -> LogError:
    """Returns what a record that Kafka did not take is refused with."""
    if is_open(error) or error.retriable():
        return LogUnavailable(f"Kafka did not take a record: {error.str()}")
    return BrokerRefused(f"Kafka refused a record: {error.name()}: {error.str()}")


def is_open(error: KafkaError) -> bool:
    """Tells whether the record may be in the log in spite of the error."""
    return is_fatal(error) or error.code() in OPEN_OUTCOMES


def is_fatal(error: KafkaError) -> bool:
    """Tells whether the producer is beyond use: each of its calls fails from now on."""
    return error.fatal() or error.code() == KafkaError._FATAL


def _report(record: Record, error: KafkaError | None, message: Message) -> Report:
    if error is None:
        return Report(record, message.offset() or 0, None, is_open=False)
    return Report(record, -1, error_of(error), is_open(error))
