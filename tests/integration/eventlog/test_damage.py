"""Files that were torn, overwritten or lost in part: opening mends them without being asked."""

# ruff: noqa: ASYNC230, ASYNC240 - small local files, and nothing else on the loop
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from eventlog import leaf_pages, mending, opening, sqlite_file
from eventlog.log import Intent, LogDamaged, LogUnavailable, TopicPartition
from eventlog.sqlite_file import PAGE_BYTES
from eventlog.sqlite_log import SqliteLog
from schemas.kinds import SPANS
from tests.chunks import append_chunks
from tests.integration.eventlog.logs import (
    HEAD,
    append,
    append_each,
    chunk,
    items,
    noise,
    payloads,
    records,
    set_aside,
)

TOTAL = 120
STORED = 40


async def fill(path: Path, count: int = TOTAL) -> tuple[str, list[bytes]]:
    """Makes a log of which the first 40 records are stored; returns its name and the rest."""
    log = SqliteLog(path, 2)
    sent = payloads(count)
    await append_each(log, sent)
    await append_chunks(log, SPANS.name, {1: chunk(b"span")})
    await log.declare(HEAD, Intent(0, STORED - 1))
    await log.complete(HEAD, Intent(0, STORED - 1))
    await log.declare(HEAD, Intent(STORED, STORED + 9))
    log.close()
    return log.log_id, sent[STORED:]


def overwrite(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


async def test_a_flipped_byte_costs_its_own_record_alone(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    _, sent = await fill(path)
    victim = len(sent) // 2
    log = opened()
    at = path.read_bytes().index(records(log)[victim].value or b"?")
    log.close()
    overwrite(path, at + 5, bytes([path.read_bytes()[at + 5] ^ 0x10]))

    again = opened()

    values = [stored.value for stored in records(again)]
    assert [n for n, value in enumerate(values) if value is None] == [victim]
    assert items(again) == sent[:victim] + sent[victim + 1 :]
    assert again.mended is None


async def test_a_value_that_became_text_or_nothing_is_a_damaged_record(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    log = opened()
    await append_each(log, [b"a", b"b", b"c"])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE records SET value = 'x' WHERE (key & 3) = 1")
        connection.execute("UPDATE records SET appended_at_ms = 'y', crc = 'z' WHERE (key & 3) = 2")
    connection.close()

    stored = records(log)

    assert [one.value is None for one in stored] == [False, True, True]
    assert [one.appended_at_ms for one in stored][2] == 0


async def test_a_log_with_its_first_page_destroyed_keeps_every_record(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    log_id, sent = await fill(path)
    overwrite(path, 0, noise())

    log = opened()

    assert items(log) == sent
    assert log.mended is not None
    assert (log.mended.records_kept, log.mended.records_lost) == (len(sent) + 1, 0)
    assert set_aside(path) == [log.mended.set_aside]
    assert log.mended.set_aside.read_bytes()[:PAGE_BYTES] == noise()
    assert log.log_id == log_id
    assert (await log.progress(HEAD)).pending == Intent(STORED, STORED + 9)
    assert await append(log, b"next") == TOTAL


async def test_any_page_may_be_overwritten_at_no_more_cost_than_its_own_records(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    log_id, sent = await fill(path, 60)
    sound = path.read_bytes()
    count = len(sound) // PAGE_BYTES
    for page in [*range(12), *random.Random(7).sample(range(12, count), 30)]:
        path.write_bytes(sound)
        overwrite(path, page * PAGE_BYTES, noise(seed=page))

        log = opened()
        kept = items(log)
        gone = [stored for stored in records(log) if stored.value is None]
        next_offset = await append(log, b"next")
        is_same_log = log.log_id == log_id
        log.close()

        assert set(kept) <= set(sent)
        assert kept == sorted(kept, key=sent.index)
        # A page holds at most a few of these records; what it costs is told.
        assert len(sent) - len(kept) <= 12
        if is_same_log:
            assert len(kept) + len(gone) == len(sent)
            assert next_offset == 60
        for leftover in set_aside(path):
            leftover.unlink()


async def test_a_log_of_many_partitions_keeps_them_all(path: Path) -> None:
    many = 300
    made = SqliteLog(path, many)
    await append(made, b"far", partition=many - 1)
    made.close()
    overwrite(path, 0, noise())

    with closing(SqliteLog(path, 1)) as log:
        assert log.partitions(HEAD.topic) == many
        assert log.log_id == made.log_id
        assert items(log, TopicPartition(HEAD.topic, many - 1)) == [b"far"]


async def test_a_new_name_is_given_when_the_places_are_lost(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    log_id, sent = await fill(path)
    overwrite(path, (root_page(path, "partitions") - 1) * PAGE_BYTES, noise())

    log = opened()

    assert log.log_id != log_id
    assert log.mended is not None
    assert log.mended.records_lost is None
    assert set(sent) <= set(items(log))
    assert items(log, TopicPartition(SPANS.name, 1)) == [b"span"]
    assert await append(log, b"next") == TOTAL


async def test_lost_records_are_marked_in_their_places(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    await fill(path, 60)
    log = opened()
    at = path.read_bytes().index(records(log)[-1].value or b"?")
    log.close()
    overwrite(path, at // PAGE_BYTES * PAGE_BYTES, noise())
    opening.suspect(path)

    again = opened()

    assert again.mended is not None
    assert again.mended.records_lost
    assert [stored.offset for stored in records(again)] == list(range(STORED, 60))
    assert records(again)[-1].value is None


async def test_random_bytes_are_set_aside_for_a_new_log(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    log_id, _ = await fill(path)
    path.write_bytes(noise(100_000))

    log = opened()

    assert log.log_id != log_id
    assert await append(log, b"first") == 0
    assert [aside.read_bytes() for aside in set_aside(path)] == [noise(100_000)]


@pytest.mark.parametrize("left", [0, 1, 50, 1_000, PAGE_BYTES, PAGE_BYTES + 1, 100_000])
async def test_a_file_cut_short_opens_as_the_same_log_or_under_a_new_name(
    path: Path, opened: Callable[..., SqliteLog], left: int
) -> None:
    log_id, sent = await fill(path)
    path.write_bytes(path.read_bytes()[:left])

    log = opened()
    offset = await append(log, b"next")

    assert set(items(log)) <= {*sent, *payloads(TOTAL), b"next"}
    assert log.log_id != log_id or offset == TOTAL


async def test_a_crash_while_mending_loses_nothing(
    path: Path, opened: Callable[..., SqliteLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, sent = await fill(path)
    overwrite(path, 0, noise())
    rename = Path.rename
    budget = 0

    def dying_rename(self: Path, target: Path) -> Path:
        nonlocal budget
        budget -= 1
        if budget < 0:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", dying_rename)
    for budget in (0, 1):  # noqa: B007 - read by the function above
        with pytest.raises(KeyboardInterrupt):
            opened()
    monkeypatch.setattr(Path, "rename", rename)

    assert items(opened()) == sent
    assert not mending._beside(path, "mending").exists()


def root_page(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return int(connection.execute(query, (table,)).fetchone()[0])


@pytest.mark.parametrize("largest_checked", [0, 1 << 30])
async def test_the_root_of_the_records_may_be_lost(
    path: Path,
    opened: Callable[..., SqliteLog],
    monkeypatch: pytest.MonkeyPatch,
    largest_checked: int,
) -> None:
    monkeypatch.setattr(opening, "MAX_CHECKED_BYTES", largest_checked)
    log_id, sent = await fill(path)
    overwrite(path, (root_page(path, "records") - 1) * PAGE_BYTES, noise())

    log = opened()

    assert items(log) == sent
    assert log.log_id == log_id


def damage_under_an_open_log(path: Path) -> None:
    overwrite(path, (root_page(path, "records") - 1) * PAGE_BYTES, noise())
    with sqlite3.connect(path) as connection:
        # A write of another process makes readers forget the pages that they have in memory.
        connection.execute("INSERT INTO meta VALUES ('note', '')")
    connection.close()


async def test_damage_met_while_at_work_is_mended_at_the_next_start(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    _, sent = await fill(path)
    log = opened()
    damage_under_an_open_log(path)

    with pytest.raises(LogDamaged):
        records(log)
    with pytest.raises(LogDamaged):
        await append(log, b"refused")
    assert log.damaged.done()
    log.close()

    again = opened()
    assert items(again) == sent
    assert again.mended is not None


async def test_damage_that_only_the_writer_meets_is_told_and_mended(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    """Nobody reads while everything is stored: without a word it would refuse for ever."""
    _, sent = await fill(path)
    log = opened()
    damage_under_an_open_log(path)

    with pytest.raises(LogDamaged):
        await append(log, b"refused")
    assert log.damaged.done()
    log.close()

    assert items(opened()) == sent


async def test_nothing_is_renamed_under_a_process_that_has_the_log_open(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    log = opened()
    await append(log, b"a")
    opening.suspect(path)

    other = opened()
    await append(log, b"b")

    assert other.mended is None
    assert items(other) == [b"a", b"b"]
    assert set_aside(path) == []


@pytest.mark.parametrize(
    "fault", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY]
)
async def test_what_passes_is_no_damage(
    path: Path, opened: Callable[..., SqliteLog], monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    _, sent = await fill(path)

    def refuse(_: Path) -> sqlite3.Connection:
        error = sqlite3.OperationalError("for now")
        error.sqlite_errorcode = fault
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(sqlite_file, "connect_writer", refuse)
        with pytest.raises(LogUnavailable):
            opened()

    assert items(opened()) == sent
    assert set_aside(path) == []


def test_a_folder_that_cannot_be_written_is_an_error_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(LogUnavailable):
        SqliteLog(tmp_path / "file" / "log.db")


async def test_pages_are_read_as_sqlite_wrote_them(path: Path) -> None:
    log = SqliteLog(path, 1)
    rng = random.Random(11)
    sizes = [0, 1, 4_000, 4_020, 4_040, 4_061, 4_062, 4_100, 8_192, *rng.sample(range(70_000), 60)]
    await append_each(log, [rng.randbytes(size) for size in sizes])
    expected = {stored.offset: stored.value for stored in records(log)}
    log.close()

    found = {row.key & sqlite_file.OFFSET_MASK: row.value for row in leaf_pages.scan(path)}

    assert found == expected


async def test_a_mended_log_does_not_bring_back_what_was_stored(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    log = opened(keep_ms=3_600_000)
    await append_each(log, [b"stored", b"stored too", b"waiting"])
    await log.complete(HEAD, Intent(0, 1))
    log.close()
    opening.suspect(path)

    again = opened()

    assert items(again) == [b"waiting"]
    assert again.positions()[HEAD][1] == 1
    assert again.mended is not None
    assert (again.mended.records_kept, again.mended.records_lost) == (1, 0)
