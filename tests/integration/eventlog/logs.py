"""Records to append, and the ways to look at a log that the tests of this folder share."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from eventlog import batches
from eventlog.log import Stored, TopicPartition
from eventlog.records import Chunk, DeadLetter, Refusal, decode_chunks
from eventlog.sqlite_log import SqliteLog
from schemas.kinds import TRACES
from schemas.projects import ProjectId
from tests.chunks import append_chunks

PROJECT = ProjectId("p1")
HEAD = TopicPartition(TRACES.name, 0)
PAGE_BYTES = 4096
"""SQLite's own."""


def chunk(*items: bytes) -> Chunk:
    return Chunk(PROJECT, "pulse.trace", 1, list(items))


def refusal(reason: str = "size", count: int = 1) -> Refusal:
    return Refusal(PROJECT, "trace", "invalid", reason, 1, count)


def dead_letter(ref: str, body: bytes = b"{}") -> DeadLetter:
    return DeadLetter(ref, PROJECT, TRACES.name, "pulse.trace", 1, "unfit", body)


async def append(log: Any, *items: bytes, partition: int = 0) -> int:
    offsets: dict[int, int] = await append_chunks(log, TRACES.name, {partition: chunk(*items)})
    return offsets[partition]


async def append_each(
    log: Any, items: list[bytes], topic: str = TRACES.name, partition: int = 0
) -> list[int]:
    """Appends each item as a record of its own, in order, in as few commits as it takes."""
    with patch.object(batches, "MAX_RECORD_ITEMS", 1):
        answers = await asyncio.gather(
            *(append_chunks(log, topic, {partition: chunk(item)}) for item in items)
        )
    return [offsets[partition] for offsets in answers]


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


def payloads(count: int, seed: int = 5) -> list[bytes]:
    """Items of all sizes: within a page, of some pages, of many."""
    rng = random.Random(seed)
    return [
        b"%d " % n + rng.randbytes(rng.choice((10, 200, 3_000, 5_000, 60_000)))
        for n in range(count)
    ]


def noise(size: int = PAGE_BYTES, seed: int = 9) -> bytes:
    return random.Random(seed).randbytes(size)
