"""Hears what is appended to a topic, beside the stream: for who wants it sooner than it is stored.

Nothing is promised of it. What is appended before somebody listens, or while a log does not answer,
is not heard, and what is deleted before it is read is not either: the store has it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from eventlog.log import LogError, Stored, TopicPartition
from eventlog.records import Chunk, RecordDamaged, decode_chunks
from eventlog.sqlite_log import SqliteLog

READ_RECORDS = 64
READ_BYTES = 4 << 20
"""Of a partition at a time, and at least one record."""
REST_S = 0.01
"""Between two reads: under load a commit is a millisecond, and all of them wake us."""
POLL_S = 0.25
"""How soon what another process appends is heard; our own wakes us at once."""

Heard = Callable[[Sequence[Chunk]], None]

log = structlog.get_logger(__name__)


class Tail(Protocol):
    """The end of one topic."""

    async def run(self, heard: Heard) -> None:
        """Calls `heard`, in this loop, with what is appended from now on, until cancelled."""
        ...


class SqliteTail:
    """The end of a topic of the embedded log."""

    def __init__(self, event_log: SqliteLog, topic: str) -> None:
        self._log = event_log
        self._topic = topic

    async def run(self, heard: Heard) -> None:
        """Calls `heard`, in this loop, with what is appended from now on, until cancelled."""
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            # The log outlives the loop by a moment when everything stops.
            if not loop.is_closed():
                loop.call_soon_threadsafe(arrived.set)

        forget = self._log.on_append(wake)
        try:
            places = await asyncio.to_thread(self._ends)
            while True:
                arrived.clear()
                if chunks := await asyncio.to_thread(self._read, places):
                    heard(chunks)
                    await asyncio.sleep(REST_S)
                else:
                    await _wait(arrived, POLL_S)
                    await asyncio.sleep(REST_S)
        finally:
            forget()

    def _ends(self) -> dict[TopicPartition, int]:
        try:
            states = self._log.states()
        except LogError:
            # From the beginning, then: who listens knows what it has heard.
            return {TopicPartition(self._topic, n): 0 for n in range(self._partitions)}
        return {one: at.next_offset for one, at in states.items() if one.topic == self._topic}

    @property
    def _partitions(self) -> int:
        return self._log.partitions(self._topic)

    def _read(self, places: dict[TopicPartition, int]) -> list[Chunk]:
        """Returns what is new of all partitions, and moves their places on."""
        chunks: list[Chunk] = []
        for partition, place in places.items():
            try:
                found = self._log.read(partition, place, READ_RECORDS, READ_BYTES)
            except LogError as error:
                log.warning("end of the log not readable", reason=str(error))
                return chunks
            for stored in found:
                places[partition] = stored.offset + 1
                chunks += chunks_in(stored)
        return chunks


def chunks_in(stored: Stored) -> Sequence[Chunk]:
    """Returns what a record holds, nothing where it is damaged: the stream tells of that."""
    try:
        return decode_chunks(stored.value) if stored.value is not None else ()
    except RecordDamaged:
        return ()


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
