"""Dead letters where the log is Kafka: topic `dead`, compacted, each letter under its own name.

What `dead_letters` does for the embedded log, with the same values. Nothing here is one
transaction: readers of the stream would meet its marks, and offsets that are none of theirs. So a
replay is claimed first, then sent under an id that the claim fixes, then marked as done; whoever
finds a claim without its mark looks for that id before sending.
"""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka import TopicPartition as KafkaPartition
from tenacity import Retrying, retry_if_exception, stop_after_delay
from tenacity.wait import wait_random_exponential

from eventlog.dead_letters import (
    AlreadyReplayed,
    Replacement,
    Summary,
    UnknownLetter,
    chunk_of,
    summary_of,
)
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_producer import (
    ID_HEADER,
    ITEMS_HEADER,
    SCHEMA_HEADER,
    is_open,
    refusal_of,
)
from eventlog.kafka_scan import records_present
from eventlog.log import LogUnavailable, TopicPartition
from eventlog.records import (
    ENVELOPE_VERSION,
    DeadLetter,
    RecordDamaged,
    decode_dead,
    encode_chunks,
    encode_dead,
    partition_of,
)
from eventlog.topics import DEAD
from schemas.projects import ProjectId

ANSWER_S = 20.0
POLL_S = 0.5
AT_ONCE = 100
SETTLE_S = 5.0
"""How long a replay that was claimed by another, and not marked, may take to be sent."""
CLAIM, DONE = "claim:", "replayed:"
"""What the names of marks begin with: a letter that is kept again must not replace them."""


_LEADER_CHANGES = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
    }
)
"""What a broker answers while it is being settled who leads a partition."""


class _Known(NamedTuple):
    summary: Summary
    offset: int


class _Put(NamedTuple):
    """A record to write; `None` takes the one of the same name away."""

    partition: TopicPartition
    key: str | None
    value: bytes | None
    record_id: str | None = None


class KafkaDeadLetters:
    """The dead-letter topic of a cluster. Close it after use."""

    def __init__(self, address: KafkaAddress, *, settle_s: float = SETTLE_S) -> None:
        self._address = address
        self._settle_s = settle_s
        self._lock = threading.Lock()
        self._writer: Producer | None = None
        self._reader: Consumer | None = None
        self._known: dict[str, _Known] = {}
        self._claims: dict[str, int] = {}
        """When each was made, in milliseconds."""
        self._done: set[str] = set()
        self._next_offset = 0

    async def append_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Keeps letters; one that is kept again is still one. Raises `LogError`."""
        puts = [_Put(_DEAD, letter.ref, encode_dead([letter])) for letter in letters]
        await asyncio.to_thread(self._put, puts)

    async def purge(self, project_ids: Set[ProjectId]) -> None:
        """Drops every dead letter of some projects. Raises `LogError`."""
        await asyncio.to_thread(self._purge, project_ids)

    def summaries(self) -> list[Summary]:
        """Returns every letter that is kept, the oldest first, each once. Raises `LogError`."""
        self._catch_up()
        return [
            known.summary._replace(replayed=ref in self._done) for ref, known in self._known.items()
        ]

    def find(self, ref: str) -> DeadLetter:
        """Returns one letter. Raises `UnknownLetter` and `LogError`."""
        self._catch_up()
        known = self._known.get(ref)
        for message in self._read(known.offset, known.offset + 1) if known else ():
            for letter in _letters_of(message):
                if letter.ref == ref:
                    return letter
        raise UnknownLetter(f"there is no dead letter {ref}")

    def replay(self, letter: DeadLetter, item: Replacement) -> None:
        """Puts the item into the letter's topic and marks the letter.

        Raises `AlreadyReplayed`, and `LogError`: then it may be tried again.
        """
        claim_ms = self._claim(letter.ref)
        partition = self._partition_of(letter.topic, item)
        record_id = f"replay-{letter.ref}"
        done = _Put(_DEAD, DONE + letter.ref, encode_dead([], [letter.ref]))
        if claim_ms is not None and self._was_sent(partition, record_id, claim_ms):
            self._put([done])
            raise AlreadyReplayed(f"{letter.ref} was replayed before")
        value = encode_chunks([chunk_of(letter, item)])
        self._put([_Put(partition, None, value, record_id)])
        self._put([done])

    def close(self) -> None:
        """Leaves the cluster. May be called twice."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
            self._reader = self._writer = None

    def __enter__(self) -> "KafkaDeadLetters":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _claim(self, ref: str) -> int | None:
        """Claims a replay; returns when another did so before and did not end, `None` for none."""
        self._catch_up()
        before = self._claims.get(ref)
        if ref not in self._done and before is None:
            (offset,) = self._put([_Put(_DEAD, CLAIM + ref, encode_dead([]))])
            # Of several that claim at one moment the first is the one.
            before = self._claimed_below(ref, offset)
        if ref in self._done:
            raise AlreadyReplayed(f"{ref} was replayed before")
        return before

    def _claimed_below(self, ref: str, offset: int) -> int | None:
        self._catch_up(until=offset)
        before = self._claims.get(ref)
        self._catch_up()
        return before

    def _was_sent(self, partition: TopicPartition, record_id: str, since_ms: int) -> bool:
        present = records_present(
            self._address,
            partition,
            {record_id},
            since_ms=since_ms,
            settle_s=self._settle_s,
            stop=threading.Event(),
        )
        return bool(present)

    def _purge(self, project_ids: Set[ProjectId]) -> None:
        self._catch_up()
        gone = [ref for ref, one in self._known.items() if one.summary.project_id in project_ids]
        names = [name for ref in gone for name in (ref, CLAIM + ref, DONE + ref)]
        self._put([_Put(_DEAD, name, None) for name in names])

    def _put(self, puts: Sequence[_Put]) -> list[int]:
        """Writes records and returns their offsets when every replica that must has them."""
        reports: list[tuple[KafkaError | None, Message]] = []
        with self._lock:
            if self._writer is None:
                self._writer = Producer(_writer_options(self._address))
            writer = self._writer
            try:
                for put in puts:
                    self._put_one(writer, put, reports)
                writer.flush(2 * ANSWER_S)
            except (KafkaException, BufferError) as error:
                self._drop_writer()
                raise LogUnavailable(f"Kafka cannot be written to: {error}") from error
            refused = next((error for error, _ in reports if error is not None), None)
            if len(reports) < len(puts) or (refused is not None and is_open(refused)):
                self._drop_writer()
        if refused is not None:
            raise refusal_of(refused)
        if len(reports) < len(puts):
            raise LogUnavailable("Kafka does not answer")
        return [message.offset() or 0 for _, message in reports]

    def _drop_writer(self) -> None:
        """Has the next write make a new writer: one that met a fatal error is beyond use.

        What it had may be in Kafka. It sends nothing any more, so that whoever then looks for a
        record, as a replay does, need not mind it; a letter or a mark is one under its name.
        """
        if self._writer is not None:
            with suppress(KafkaException):
                self._writer.purge()
            self._writer = None

    def _put_one(
        self, writer: Producer, put: _Put, reports: list[tuple[KafkaError | None, Message]]
    ) -> None:
        headers: list[tuple[str, str | bytes | None]] = [(SCHEMA_HEADER, str(ENVELOPE_VERSION))]
        if put.record_id is not None:
            headers += [(ITEMS_HEADER, "1"), (ID_HEADER, put.record_id)]
        writer.produce(
            self._address.topic(put.partition.topic),
            put.value,
            key=put.key,
            partition=put.partition.partition,
            headers=headers,
            on_delivery=lambda error, message: reports.append((error, message)),
        )
        writer.poll(0)

    def _catch_up(self, until: int | None = None) -> None:
        """Reads what was written, here or by others, since the last look."""
        end = self._end() if until is None else until
        for message in self._read(self._next_offset, end):
            self._learn(message)
        self._next_offset = max(self._next_offset, end)

    def _learn(self, message: Message) -> None:
        key = message.key() or b""
        name, is_gone = key.decode(errors="replace"), message.value() is None
        if name.startswith(DONE):
            ref = name.removeprefix(DONE)
            (self._done.discard if is_gone else self._done.add)(ref)
        elif name.startswith(CLAIM):
            ref = name.removeprefix(CLAIM)
            if is_gone:
                self._claims.pop(ref, None)
            else:
                self._claims.setdefault(ref, message.timestamp()[1])
        elif is_gone:
            self._known.pop(name, None)
        else:
            for letter in _letters_of(message):
                self._known[letter.ref] = _Known(summary_of(letter), message.offset() or 0)

    def _end(self) -> int:
        with self._lock:
            ask = self._consumer().get_watermark_offsets
            try:
                return int(_while_leaders_change(ask, self._place(), ANSWER_S)[1])
            except KafkaException as error:
                raise LogUnavailable(f"Kafka cannot be read: {error}") from error

    def _read(self, first: int, end: int) -> Iterator[Message]:
        """Yields what is left of a range of offsets: compaction takes some away."""
        if first >= end:
            return
        with self._lock:
            consumer = self._consumer()
            try:
                consumer.assign([self._place(first)])
                deadline = time.monotonic() + ANSWER_S
                while time.monotonic() < deadline:
                    for message in consumer.consume(AT_ONCE, POLL_S):
                        if _is_past(message, end):
                            return
                        deadline = time.monotonic() + ANSWER_S
                        yield message
                        if (message.offset() or 0) + 1 == end:
                            return
            except KafkaException as error:
                raise LogUnavailable(f"Kafka cannot be read: {error}") from error
            raise LogUnavailable("Kafka does not answer")

    def _consumer(self) -> Consumer:
        if self._reader is None:
            self._reader = Consumer(_reader_options(self._address))
        return self._reader

    def _place(self, offset: int = 0) -> KafkaPartition:
        return KafkaPartition(self._address.topic(DEAD.name), 0, offset)

    def _partition_of(self, topic: str, item: Replacement) -> TopicPartition:
        name = self._address.topic(topic)
        with self._lock:
            try:
                found = self._consumer().list_topics(name, timeout=ANSWER_S).topics[name]
            except KafkaException as error:
                raise LogUnavailable(f"Kafka cannot be asked: {error}") from error
        if not found.partitions:
            raise LogUnavailable(f"the log has no topic {name}")
        if item.event_id is None:
            return TopicPartition(topic, 0)
        count = len(found.partitions)
        return TopicPartition(topic, partition_of(item.project_id, item.event_id, count))


_DEAD = TopicPartition(DEAD.name, 0)


def _is_leader_change(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _LEADER_CHANGES


_while_leaders_change = Retrying(
    retry=retry_if_exception(_is_leader_change),
    wait=wait_random_exponential(multiplier=0.1, max=1.0),
    stop=stop_after_delay(ANSWER_S),
    reraise=True,
)
"""Asks again where librdkafka does not: a question for offsets ends with such an error."""


def _is_past(message: Message, end: int) -> bool:
    error = message.error()
    if error is None:
        return (message.offset() or 0) >= end
    if error.code() == KafkaError._PARTITION_EOF:
        return True
    raise KafkaException(error)


def _letters_of(message: Message) -> list[DeadLetter]:
    try:
        return decode_dead(message.value() or b"").letters
    except RecordDamaged:
        return []


def _writer_options(address: KafkaAddress) -> dict[str, str | int | float | bool]:
    return address.librdkafka() | {
        "acks": "all",
        "enable.idempotence": True,
        "message.timeout.ms": int(ANSWER_S * 1_000),
        # As long as the topic takes: the brokers' own bound is the topic's.
        "message.max.bytes": 1_000_000_000,
        "log_level": 0,
    }


def _reader_options(address: KafkaAddress) -> dict[str, str | int | float | bool]:
    return address.librdkafka() | {
        "group.id": "sluice-dead",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
        "log_level": 0,
    }
