"""Checkpoints: how far each partition is stored, the block in hand, what is kept for how long."""
# ruff: noqa: ASYNC221, ASYNC240 - nothing else is on the loop

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from eventlog import sqlite_log
from eventlog.group_commit import Limits
from eventlog.log import PartitionState, TopicPartition
from eventlog.records import decode_dead
from eventlog.sqlite_log import SqliteLog
from eventlog.topics import DEAD
from schemas.checkpoints import Intent, Progress
from tests.integration.eventlog.logs import HEAD, append, append_each, dead_letter, items, records

DEAD_LETTERS = TopicPartition(DEAD.name, 0)
HOUR_MS = 3_600_000
DECLARE_AND_DIE = """
import asyncio, os, signal, sys
from pathlib import Path
from eventlog.log import Intent, TopicPartition
from eventlog.sqlite_log import SqliteLog

async def main():
    log = SqliteLog(Path(sys.argv[1]))
    await log.declare(TopicPartition("raw.traces", 0), Intent(0, 4, True))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def test_a_new_partition_has_stored_nothing_and_has_nothing_in_hand(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        assert await log.progress(HEAD) == Progress(-1, None)


async def test_an_intent_is_pending_until_its_block_is_complete(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        await append_each(log, [b"a", b"b"])

        await log.declare(HEAD, Intent(0, 1))
        declared = await log.progress(HEAD)
        await log.complete(HEAD, Intent(0, 1))

        assert declared == Progress(-1, Intent(0, 1))
        assert await log.progress(HEAD) == Progress(1, None)


async def test_an_intent_is_replaced_by_the_next_one(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        await log.declare(HEAD, Intent(0, 1))
        await log.declare(HEAD, Intent(0, 1, by_parts=True))

        assert (await log.progress(HEAD)).pending == Intent(0, 1, by_parts=True)


async def test_checkpoints_are_found_again_after_reopening(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        await append_each(log, [b"a", b"b", b"c"])
        await log.complete(HEAD, Intent(0, 0))
        await log.declare(HEAD, Intent(1, 2))

    with closing(SqliteLog(path)) as again:
        assert await again.progress(HEAD) == Progress(0, Intent(1, 2))
        assert again.states()[HEAD] == PartitionState(Progress(0, Intent(1, 2)), 3)


async def test_an_intent_outlives_kill_9(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        await append_each(log, [b"%d" % n for n in range(5)])

    process = subprocess.run([sys.executable, "-c", DECLARE_AND_DIE, str(path)], timeout=30)

    assert process.returncode == -signal.SIGKILL
    with closing(SqliteLog(path)) as log:
        assert await log.progress(HEAD) == Progress(-1, Intent(0, 4, by_parts=True))
        assert len(items(log)) == 5


async def test_completing_and_trimming_are_one_step(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        await append_each(log, [b"a", b"b", b"c"])
        await log.declare(HEAD, Intent(0, 1))
        with closing(sqlite3.connect(path)) as other:
            other.execute(
                "CREATE TRIGGER refuse BEFORE DELETE ON records"
                " BEGIN SELECT raise(ABORT, 'no trimming'); END"
            )
        with pytest.raises(Exception, match="no trimming"):
            await log.complete(HEAD, Intent(0, 1))
        before = await log.progress(HEAD), items(log), log.stored_bytes
        with closing(sqlite3.connect(path)) as other:
            other.execute("DROP TRIGGER refuse")

        await log.complete(HEAD, Intent(0, 1))

        assert before[:2] == (Progress(-1, Intent(0, 1)), [b"a", b"b", b"c"])
        assert before[2] > log.stored_bytes
        assert items(log) == [b"c"]


async def test_a_stored_record_is_kept_for_as_long_as_asked(path: Path) -> None:
    with closing(SqliteLog(path, limits=Limits(keep_ms=HOUR_MS))) as log:
        await append_each(log, [b"stored", b"waiting"])
        await log.complete(HEAD, Intent(0, 0))
        await log.expire(now_ms())
        assert items(log) == [b"stored", b"waiting"]

        await log.expire(now_ms() + 2 * HOUR_MS)

        assert items(log) == [b"waiting"]
        assert log.stored_bytes == len(records(log)[0].value or b"")


async def test_what_is_not_stored_never_expires(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        await append(log, b"waiting")

        await log.expire(now_ms() + 10_000 * HOUR_MS)

        assert items(log) == [b"waiting"]


async def test_dead_letters_are_kept_for_their_own_time(path: Path) -> None:
    with closing(SqliteLog(path, limits=Limits(dead_keep_ms=10 * HOUR_MS))) as log:
        await log.complete(HEAD, Intent(0, 0), [dead_letter("raw.traces:0:0:0")])

        await log.expire(now_ms() + 9 * HOUR_MS)
        (kept,) = records(log, DEAD_LETTERS)
        await log.expire(now_ms() + 11 * HOUR_MS)

        assert kept.value is not None
        assert decode_dead(kept.value).dead_letters == [dead_letter("raw.traces:0:0:0")]
        assert records(log, DEAD_LETTERS) == []
        assert log.stored_bytes == 0


async def test_expiring_drops_records_in_steps(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is a commit of its own, between which appends get in."""
    monkeypatch.setattr(sqlite_log, "EXPIRED_RECORDS", 3)
    with closing(SqliteLog(path, limits=Limits(keep_ms=1))) as log:
        last = max(await append_each(log, [b"%d" % n for n in range(20)]))
        await log.complete(HEAD, Intent(0, last))
        left: list[int] = []
        drop = log._commits.drop

        def counted(connection: sqlite3.Connection, **options: int) -> int:
            gone = drop(connection, **options)
            left.append(connection.execute("SELECT count(*) FROM records").fetchone()[0])
            return gone

        monkeypatch.setattr(log._commits, "drop", counted)
        await log.expire(now_ms() + HOUR_MS)

        assert left[:7] == [17, 14, 11, 8, 5, 2, 0]
        assert log.stored_bytes == 0


async def test_expiring_gives_the_disk_back_in_steps(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_log, "SPARE_PAGES", 16)
    monkeypatch.setattr(sqlite_log, "VACUUM_PAGES", 500)
    with closing(SqliteLog(path)) as log:
        last = max(await append_each(log, [os.urandom(100_000) for _ in range(40)]))
        await log.complete(HEAD, Intent(0, last))
        steps = 0
        shrink = sqlite_log._shrink

        def counted(connection: sqlite3.Connection, *, spare: int) -> bool:
            nonlocal steps
            steps += 1
            return shrink(connection, spare=spare)

        monkeypatch.setattr(sqlite_log, "_shrink", counted)
        await log.expire(now_ms())

    assert path.stat().st_size < 50 * 4096
    # 1,000 pages and one look at what is left.
    assert steps == 3


async def test_checkpoints_of_many_partitions_do_not_mix(path: Path) -> None:
    with closing(SqliteLog(path, partitions=3)) as log:
        partitions = [TopicPartition(HEAD.topic, n) for n in range(3)]
        for partition in partitions:
            await append_each(log, [b"a", b"b"], partition=partition.partition)

        await asyncio.gather(
            log.complete(partitions[0], Intent(0, 1)), log.declare(partitions[2], Intent(0, 0))
        )

        assert [await log.progress(one) for one in partitions] == [
            Progress(1, None),
            Progress(-1, None),
            Progress(-1, Intent(0, 0)),
        ]
        assert [len(records(log, one)) for one in partitions] == [0, 2, 2]
