"""Records to append, and the ways to look at a log that the tests of this folder share."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eventlog.log import Stored, TopicPartition
from eventlog.records import Chunk, Refusal, decode_chunks
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import TRACES
from schemas.projects import ProjectId

PROJECT = ProjectId("p1")
HEAD = TopicPartition(TRACES.name, 0)


def chunk(*items: bytes) -> Chunk:
    return Chunk(PROJECT, "pulse.trace", 1, list(items))


def refusal(reason: str = "size", count: int = 1) -> Refusal:
    return Refusal(PROJECT, "trace", "invalid", reason, 1, count)


async def append(log: Any, *items: bytes, partition: int = 0) -> int:
    offsets: dict[int, int] = await log.append_chunks(TRACES.name, {partition: chunk(*items)})
    return offsets[partition]


async def append_each(log: Any, items: list[bytes], partition: int = 0) -> list[int]:
    """Appends one after the other, so that each item is a record of its own."""
    return [await append(log, item, partition=partition) for item in items]


def records(log: SqliteLog, partition: TopicPartition = HEAD) -> list[Stored]:
    return log.read(partition, 0, 1_000_000, 1 << 40)


def items_of(stored: Stored) -> list[bytes]:
    assert stored.value is not None
    return [item for one in decode_chunks(stored.value) for item in one.items]


def items(log: SqliteLog, partition: TopicPartition = HEAD) -> list[bytes]:
    return [item for stored in records(log, partition) if stored.value for item in items_of(stored)]


async def until(condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
    """Returns as soon as the condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {condition}"
        await asyncio.sleep(0.005)


def set_aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))
