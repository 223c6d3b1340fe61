"""A process of its own that appends and says what was acknowledged, until it is killed."""
# ruff: noqa: T201 - its parent reads what it prints

import asyncio
import hashlib
import random
import sys
from pathlib import Path

from eventlog.log import TopicPartition
from eventlog.records import Chunk
from eventlog.sqlite_log import SqliteLog
from schemas.checkpoints import Intent
from schemas.projects import ProjectId
from tests.chunks import append_chunks

SENDERS = 8
HEAD = TopicPartition("raw.traces", 0)


async def send(log: SqliteLog, seed: int) -> None:
    rng = random.Random(seed)
    for number in range(1_000_000):
        item = b"%d:%d:" % (seed, number) + rng.randbytes(rng.choice((10, 500, 20_000)))
        chunk = Chunk(ProjectId("p1"), "pulse.trace", 1, [item])
        offset = (await append_chunks(log, HEAD.topic, {0: chunk}))[0]
        print("ack", offset, hashlib.sha256(item).hexdigest(), flush=True)


async def complete(log: SqliteLog) -> None:
    """Declares and trims a block at the head now and then, as a sink would."""
    while True:
        await asyncio.sleep(0.02)
        progress, next_offset = log.states()[HEAD]
        stored_through = progress.stored_through
        if next_offset - stored_through > 200:
            intent = Intent(stored_through + 1, stored_through + 20)
            await log.declare(HEAD, intent)
            print("declared", intent.first, intent.last, flush=True)
            await log.complete(HEAD, intent)
            print("stored", intent.last, flush=True)


async def main(path: Path, seed: int) -> None:
    log = SqliteLog(path)
    print("open", flush=True)
    await asyncio.gather(complete(log), *(send(log, seed * SENDERS + n) for n in range(SENDERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
