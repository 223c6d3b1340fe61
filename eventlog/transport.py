"""Faust over the embedded log: `sluice://` instead of `kafka://`.

The app that uses it must carry the open log as `app.event_log` before it starts. The handshake
follows Faust's own aiokafka driver: `subscribe` returns first, the assignment comes in a task.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, ClassVar

import structlog
from faust.transport import base
from faust.transport.drivers import TRANSPORTS
from faust.transport.producer import Producer
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from eventlog.faust_fixes import FairConsumer
from eventlog.log import LogUnavailable, Stored, TopicPartition
from eventlog.sqlite_log import SqliteLog

SCHEME = "sluice"
FETCH_RECORDS = 64
FETCH_BYTES = 8 << 20
"""Of all partitions together, and at least one record of each."""
REST_S = 0.01
"""Between two reads that find something: under load a commit is a millisecond, all of them wake us,
and a read costs as much as a commit. Blocks gather for twenty times as long."""
IDLE_POLL_S = 0.25
"""How soon records of another process (`sluice dead replay`) are seen; our own wake us at once."""

log = structlog.get_logger(__name__)


def register() -> None:
    """Makes the scheme known to Faust. May be called twice."""
    TRANSPORTS.aliases[SCHEME] = "eventlog.transport:Transport"


class Reader:
    """Reads what comes next of some partitions, and remembers where they end."""

    def __init__(self, log: SqliteLog) -> None:
        self._log = log
        self.highwaters: dict[TP, int] = {}

    def read(self, asked: Mapping[TP, int]) -> dict[TP, list[Stored]]:
        """Returns records from the given offsets on, of the partitions that have some."""
        states = self._log.states()
        found = {}
        share = FETCH_BYTES // max(1, len(asked))
        for tp, offset in asked.items():
            self.highwaters[tp] = states[TopicPartition(*tp)].next_offset
            if offset < self.highwaters[tp]:
                records = self._log.read(TopicPartition(*tp), offset, FETCH_RECORDS, share)
                if records:
                    found[tp] = records
        return found


class Consumer(FairConsumer):
    """Reads every partition of the subscribed topics; there is one consumer a log."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._log: SqliteLog = self.app.event_log
        self._positions: dict[TP, int] = {}
        self._reader = Reader(self._log)
        self._arrived = asyncio.Event()
        self._found_at_s = 0.0
        self._forget: Callable[[], None] = lambda: None

    async def on_start(self) -> None:
        """Asks the log to wake us."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            # The log outlives the loop by a moment when everything stops.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._arrived.set)

        self._forget = self._log.on_append(wake)
        await super().on_start()

    async def on_stop(self) -> None:
        """Lets the log forget us; another app may read it next."""
        self._forget()
        await super().on_stop()

    async def create_topic(self, topic: str, partitions: int, *_: Any, **__: Any) -> None:
        """Does nothing: the log knows its topics from its beginning."""

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Takes every partition of the topics, as soon as the caller has returned."""
        wanted = set(topics)
        self.add_future(self._assign(wanted))

    async def _assign(self, topics: set[str]) -> None:
        app = self.app
        app.on_rebalance_start()
        app.consumer_generation_id += 1
        assigned = {TP(*tp) for tp in self._log.states() if tp.topic in topics}
        self._positions = _starts(self._log, assigned)
        await self.on_partitions_assigned(assigned, app.consumer_generation_id)

    async def _getmany(
        self, active_partitions: set[TP] | None, timeout: float
    ) -> Mapping[TP, list[Stored]]:
        clock = asyncio.get_running_loop().time
        if (rest_s := self._found_at_s + REST_S - clock()) > 0:
            await asyncio.sleep(rest_s)
        self._arrived.clear()
        asked = {tp: self._positions.get(tp, 0) for tp in sorted(active_partitions or ())}
        try:
            found = await asyncio.to_thread(self._reader.read, asked)
        except LogUnavailable as error:
            log.warning("log not readable, will try again", reason=str(error))
            found = {}
        if found:
            self._found_at_s = clock()
        else:
            try:
                async with asyncio.timeout(min(timeout, IDLE_POLL_S)):
                    await self._arrived.wait()
            except TimeoutError:
                pass
        # A seek or a new assignment in the meantime has made what was read stale.
        return {tp: found[tp] for tp in found if self._positions.get(tp, 0) == asked[tp]}

    def _to_message(self, tp: TP, record: Stored) -> ConsumerMessage:
        # Not when it was fetched: Faust lets go of the rest of a fetch when its flow is stopped.
        self._positions[tp] = record.offset + 1
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            record.offset,
            timestamp=record.appended_at_ms / 1000,
            timestamp_type=1,
            headers=[],
            key=None,
            value=record.value,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=len(record.value or b""),
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Is never asked: nothing is acknowledged."""
        return True

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Goes back to what is not stored yet."""
        self._positions = _starts(self._log, self._positions)
        return dict(self._positions)

    async def _seek(self, partition: TP, offset: int) -> None:
        self._positions[partition] = offset

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Goes to the given places."""
        self._positions.update(partitions)

    async def position(self, tp: TP) -> int | None:
        """Returns the offset of the next record to read."""
        return self._positions.get(tp)

    def assignment(self) -> set[TP]:
        """Returns the partitions that are read."""
        return set(self._positions)

    def highwater(self, tp: TP) -> int:
        """Returns the offset behind the last record that was seen."""
        return self._reader.highwaters.get(tp, 0)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Returns the offset behind the last record of each partition."""
        states = self._log.states()
        return {tp: states[TopicPartition(*tp)].next_offset for tp in partitions}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Returns the offset of the first record that may still be there."""
        return dict.fromkeys(partitions, 0)

    def topic_partitions(self, topic: str) -> int | None:
        """Returns how many partitions the topic has."""
        return self._log.partitions(topic)

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int:
        """Answers for Faust's own sends, of which there are none."""
        return partition or 0


def _starts(log: SqliteLog, partitions: Collection[TP]) -> dict[TP, int]:
    """Returns where the reading of partitions begins: behind what is stored."""
    states = log.states()
    return {tp: states[TopicPartition(*tp)].progress.next_offset for tp in partitions}


class Transport(base.Transport):  # type: ignore[misc]
    """What Faust looks up under the scheme."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    # Faust asks for one, and never uses it: the edge writes to the log itself.
    Producer: ClassVar[type[Producer]] = Producer
    default_port = 0
    driver_version = "sluice embedded log"
