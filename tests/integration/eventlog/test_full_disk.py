"""A disk without room, played by `PRAGMA max_page_count` on the connection that writes."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.group_commit import Limits
from eventlog.log import Intent, LogFull, Progress
from eventlog.sqlite_log import SqliteLog
from tests.integration.eventlog.logs import HEAD, append, append_each, dead_letter, items

BIG = 50_000


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(path)) as opened:
        yield opened


async def fill(log: SqliteLog) -> int:
    """Leaves no free page; returns the last offset that was given."""
    pages = log._file.connection.execute("PRAGMA page_count").fetchone()[0]
    log._file.connection.execute(f"PRAGMA max_page_count = {pages}")
    last = log.positions()[HEAD][2] - 1
    for _ in range(100):
        try:
            last = await append(log, random.Random(last).randbytes(BIG))
        except LogFull:
            return last
    raise AssertionError("the disk was never full")


async def test_a_full_disk_refuses_appends_and_keeps_what_it_took(log: SqliteLog) -> None:
    await append_each(log, [b"a", b"b"])
    await fill(log)

    with pytest.raises(LogFull, match="full"):
        await append(log, bytes(random.Random(1).randbytes(BIG)))

    assert items(log)[:2] == [b"a", b"b"]
    assert log.stored_bytes == sum(
        log._file.connection.execute("SELECT sum(bytes) FROM records").fetchone()
    )


async def test_a_full_disk_lets_checkpoints_move(log: SqliteLog) -> None:
    await append_each(log, [b"a", b"b"])
    await fill(log)

    await log.declare(HEAD, Intent(0, 0))
    await log.commit({HEAD: 1})

    assert await log.progress(HEAD) == Progress(-1, Intent(0, 0))
    assert log.positions()[HEAD][0] == 1


async def test_checkpoints_move_though_an_append_of_their_group_is_refused(
    log: SqliteLog,
) -> None:
    await append_each(log, [b"a", b"b"])
    await fill(log)

    answers = await asyncio.gather(
        append(log, random.Random(1).randbytes(BIG)),
        log.declare(HEAD, Intent(0, 1)),
        append(log, random.Random(2).randbytes(BIG)),
        return_exceptions=True,
    )

    assert [type(answer) for answer in answers] == [LogFull, type(None), LogFull]
    assert (await log.progress(HEAD)).pending == Intent(0, 1)


async def test_trimming_frees_a_full_disk(log: SqliteLog) -> None:
    await append_each(log, [random.Random(n).randbytes(BIG) for n in range(5)])
    last = await fill(log)

    await log.complete(HEAD, Intent(0, 3))

    assert await append(log, random.Random(9).randbytes(BIG)) == last + 1


async def test_a_block_with_dead_letters_is_completed_on_a_full_disk(log: SqliteLog) -> None:
    await append_each(log, [random.Random(n).randbytes(BIG) for n in range(5)])
    last = await fill(log)

    await log.complete(HEAD, Intent(0, 3), [dead_letter("raw.traces:0:0:0", bytes(BIG))])

    assert await append(log, random.Random(9).randbytes(BIG)) == last + 1


async def test_a_check_of_the_room_says_what_an_append_would(log: SqliteLog) -> None:
    await log.check_room()
    await fill(log)

    with pytest.raises(LogFull, match="full"):
        await log.check_room()

    log._file.connection.execute("PRAGMA max_page_count = 1000000")
    before = log.stored_bytes, log.positions()
    for _ in range(3):
        await log.check_room()
    assert (log.stored_bytes, log.positions()) == before


async def test_a_log_at_its_bound_has_no_room(path: Path) -> None:
    with closing(SqliteLog(path, limits=Limits(max_bytes=2 * BIG))) as log:
        await append(log, random.Random(1).randbytes(BIG))
        await log.check_room()
        log._file.commits.limits = Limits(max_bytes=BIG)

        with pytest.raises(LogFull, match="bound"):
            await log.check_room()


async def test_a_refused_append_costs_no_offset(log: SqliteLog) -> None:
    await append_each(log, [b"a", b"b"])
    last = await fill(log)

    log._file.connection.execute("PRAGMA max_page_count = 1000000")

    assert await append(log, random.Random(9).randbytes(BIG)) == last + 1
