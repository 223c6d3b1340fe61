"""Dead letters where the log is Kafka: topic `dead`, compacted, each one under its own name.

What `dead_letters` does for the embedded log, with the same values. Nothing here is one
transaction: readers of the stream would meet its marks, and offsets that are none of theirs. So a
replay is claimed first, then sent under an id that the claim fixes, then marked as done; whoever
finds a claim without its mark looks for that id before sending.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence, Set
from contextlib import suppress

from confluent_kafka import Message

from eventlog.dead_letters import (
    AlreadyReplayed,
    Index,
    Replacement,
    Summary,
    UnknownDeadLetter,
    decoded,
)
from eventlog.kafka_address import KafkaAddress
from eventlog.kafka_dead_topic import DeadTopicReader
from eventlog.kafka_put import Put, RecordWriter
from eventlog.kafka_scan import records_present
from eventlog.log import TopicPartition
from eventlog.records import DeadLetter, encode_chunks, encode_dead
from eventlog.topics import DEAD
from schemas.projects import ProjectId

SETTLE_S = 5.0
"""How long a replay that was claimed by another, and not marked, may take to be sent."""
CLAIM, DONE, DISCARDED = "claim:", "replayed:", "discarded:"
"""What the names of marks begin with: a dead letter that is kept again must not replace them."""
_DEAD = TopicPartition(DEAD.name, 0)


class KafkaDeadLetters:
    """The dead-letter topic of a cluster. Close it after use."""

    def __init__(self, address: KafkaAddress, *, settle_s: float = SETTLE_S) -> None:
        self._address = address
        self._settle_s = settle_s
        self._reader = DeadTopicReader(address)
        self._writer = RecordWriter(address)
        self._index = Index()
        self._claims: dict[str, int] = {}
        """When each was made, in milliseconds."""
        self._next_offset = 0

    async def append(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Keeps dead letters; one that is kept again is still one. Raises `LogError`."""
        puts = [Put(_DEAD, one.ref, encode_dead([one])) for one in dead_letters]
        await asyncio.to_thread(self._writer.put, puts)

    async def purge(self, project_ids: Set[ProjectId]) -> None:
        """Drops every dead letter of some projects. Raises `LogError`."""
        await asyncio.to_thread(self._purge, project_ids)

    async def drop(self, named: Callable[[DeadLetter], bool]) -> None:
        """Drops the dead letters of which this is true. Raises `LogError`."""
        await asyncio.to_thread(self._drop, named)

    def summaries(self) -> list[Summary]:
        """Returns every dead letter, the oldest first, each once. Raises `LogError`."""
        self._catch_up()
        return self._index.summaries()

    def find(self, ref: str) -> DeadLetter:
        """Returns one dead letter. Raises `UnknownDeadLetter` and `LogError`."""
        self._catch_up()
        offset = self._index.offset_of(ref)
        values = [message.value() for message in self._reader.read(offset, offset + 1)]
        return self._index.pick(ref, values)

    def replay(self, dead_letter: DeadLetter, item: Replacement) -> None:
        """Puts the item into the dead letter's topic and marks the dead letter.

        Raises `AlreadyReplayed`, and `LogError`: then it may be tried again.
        """
        ref = dead_letter.ref
        claimed_ms = self._claim(ref)
        partition = item.partition(dead_letter, self._reader.count_partitions(dead_letter.topic))
        record_id = f"replay-{ref}"
        done = Put(_DEAD, DONE + ref, encode_dead([], [ref]))
        if claimed_ms is not None and self._was_sent(partition, record_id, claimed_ms):
            self._writer.put([done])
            raise AlreadyReplayed(f"{ref} was replayed before")
        self._writer.put(
            [Put(partition, None, encode_chunks([item.chunk(dead_letter)]), record_id)]
        )
        self._writer.put([done])

    def discard(self, refs: Sequence[str]) -> int:
        """Marks those of some dead letters that wait, and returns how many. Raises `LogError`.

        They can be replayed, and their bodies are kept for as long as those of others.
        """
        self._catch_up()
        waiting = self._index.waiting(refs)
        if waiting:
            marks = [(DISCARDED + ref, encode_dead([], discarded=[ref])) for ref in waiting]
            self._writer.put([Put(_DEAD, *mark) for mark in marks])
        return len(waiting)

    def close(self) -> None:
        """Leaves the cluster. May be called twice."""
        self._reader.close()

    def __enter__(self) -> "KafkaDeadLetters":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _claim(self, ref: str) -> int | None:
        """Claims a replay; returns when another did so before and did not end, `None` for none."""
        self._catch_up()
        before = self._claims.get(ref)
        if ref not in self._index.replayed and before is None:
            (offset,) = self._writer.put([Put(_DEAD, CLAIM + ref, encode_dead([]))])
            # Of several that claim at one moment the first is the one.
            self._catch_up(until=offset)
            before = self._claims.get(ref)
            self._catch_up()
        if ref in self._index.replayed:
            raise AlreadyReplayed(f"{ref} was replayed before")
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
        self._forget([one.ref for one in self.summaries() if one.project_id in project_ids])

    def _drop(self, named: Callable[[DeadLetter], bool]) -> None:
        gone = []
        for summary in self.summaries():
            with suppress(UnknownDeadLetter):  # another may have dropped it meanwhile
                if named(self.find(summary.ref)):
                    gone.append(summary.ref)
        self._forget(gone)

    def _forget(self, gone: Sequence[str]) -> None:
        kinds = ("", CLAIM, DONE, DISCARDED)
        names = [kind + ref for ref in gone for kind in kinds]
        self._writer.put([Put(_DEAD, name, None) for name in names])

    def _catch_up(self, until: int | None = None) -> None:
        """Reads what was written, here or by others, since the last look."""
        begin, end = self._reader.ends()
        self._index.forget_before(begin)
        end = end if until is None else until
        for message in self._reader.read(self._next_offset, end):
            self._learn(message)
        self._next_offset = max(self._next_offset, end)

    def _learn(self, message: Message) -> None:
        name, value = (message.key() or b"").decode(errors="replace"), message.value()
        if name.startswith(CLAIM):
            ref = name.removeprefix(CLAIM)
            if value is None:
                self._claims.pop(ref, None)
            else:
                self._claims.setdefault(ref, message.timestamp()[1])
        elif value is not None:
            self._index.add(decoded(value), message.offset() or 0)
        elif name.startswith(DONE):
            self._index.replayed.discard(name.removeprefix(DONE))
        elif name.startswith(DISCARDED):
            self._index.discarded.discard(name.removeprefix(DISCARDED))
        else:
            self._index.forget(name)
