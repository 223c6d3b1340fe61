"""Files that were torn or overwritten: each is set aside, never deleted, and a new log begins."""

# ruff: noqa: ASYNC230, ASYNC240 - small local files, and nothing else on the loop
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from eventlog import opening, sqlite_file
from eventlog.log import LogDamaged, LogUnavailable
from eventlog.sqlite_log import SqliteLog
from schemas.checkpoints import Intent
from schemas.kinds import SPANS
from tests.chunks import append_chunks
from tests.integration.eventlog.logs import (
    HEAD,
    PAGE_BYTES,
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
    assert set_aside(path) == []


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


async def test_any_page_may_be_overwritten_and_nothing_false_is_read(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    """Either the file is set aside as it was, or what its page held is known to be damaged."""
    log_id, sent = await fill(path, 60)
    sound = path.read_bytes()
    count = len(sound) // PAGE_BYTES
    for page in [*range(12), *random.Random(7).sample(range(12, count), 30)]:
        path.write_bytes(sound)
        overwrite(path, page * PAGE_BYTES, noise(seed=page))
        damaged = path.read_bytes()

        log = opened()
        found = records(log)
        kept = items(log)
        next_offset = await append(log, b"next")
        is_same_log = log.log_id == log_id
        log.close()

        aside = set_aside(path)
        assert len(aside) == (0 if is_same_log else 1), page
        if is_same_log:
            assert len(found) == len(sent)
            assert kept == [item for item in sent if item in kept]
            assert next_offset == 60
        else:
            assert (found, next_offset) == ([], 0)
            assert aside[0].read_bytes()[PAGE_BYTES:] == damaged[PAGE_BYTES:]
            aside[0].unlink()


async def test_what_is_set_aside_is_reported_with_what_to_do(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    await fill(path, 60)
    overwrite(path, 0, noise())

    with capture_logs() as lines:
        opened()

    (line,) = lines
    assert line["log_level"] == "error"
    assert line["set_aside"] == str(set_aside(path)[0])
    assert "docs/operations.md" in line["remedy"]


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


async def test_a_crash_while_a_file_is_set_aside_deletes_nothing(
    path: Path, opened: Callable[..., SqliteLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"")
    Path(f"{path}-wal").write_bytes(noise())
    rename = Path.rename
    budget = 1

    def dying_rename(self: Path, target: Path) -> Path:
        nonlocal budget
        budget -= 1
        if budget < 0:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", dying_rename)
        with pytest.raises(KeyboardInterrupt):
            opened()
    assert await append(opened(), b"first") == 0

    assert sorted(part.read_bytes() for part in set_aside(path)) == [b"", noise()]


def root_page(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return int(connection.execute(query, (table,)).fetchone()[0])


@pytest.mark.parametrize("largest_checked", [0, 1 << 30])
async def test_a_lost_root_of_the_records_is_found_in_a_file_of_any_size(
    path: Path,
    opened: Callable[..., SqliteLog],
    monkeypatch: pytest.MonkeyPatch,
    largest_checked: int,
) -> None:
    monkeypatch.setattr(opening, "MAX_CHECKED_BYTES", largest_checked)
    await fill(path)
    overwrite(path, (root_page(path, "records") - 1) * PAGE_BYTES, noise())

    log = opened()

    assert items(log) == []
    assert len(set_aside(path)) == 1


@pytest.mark.parametrize("lost", ["partitions", "sqlite_autoindex_partitions_1"])
async def test_damage_that_the_check_of_a_large_file_misses_is_set_aside_when_it_was_met(
    path: Path, opened: Callable[..., SqliteLog], monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    monkeypatch.setattr(opening, "MAX_CHECKED_BYTES", 0)
    await fill(path, 60)
    overwrite(path, (root_page(path, lost) - 1) * PAGE_BYTES, noise())
    with pytest.raises(LogDamaged), closing(opened()) as log:  # noqa: PT012 - either may meet it
        await append(log, b"refused")

    assert await append(opened(), b"first") == 0
    assert len(set_aside(path)) == 1


def damage_under_an_open_log(path: Path) -> None:
    overwrite(path, (root_page(path, "records") - 1) * PAGE_BYTES, noise())
    with sqlite3.connect(path) as connection:
        # A write of another process makes readers forget the pages that they have in memory.
        connection.execute("INSERT INTO meta VALUES ('note', '')")
    connection.close()


async def test_damage_met_while_at_work_is_set_aside_at_the_next_start(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    await fill(path)
    log = opened()
    damage_under_an_open_log(path)

    with pytest.raises(LogDamaged):
        records(log)
    with pytest.raises(LogDamaged):
        await append(log, b"refused")
    assert log.damaged.done()
    log.close()

    assert await append(opened(), b"first") == 0
    assert len(set_aside(path)) == 1


async def test_damage_that_only_the_writer_meets_is_told_and_set_aside(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    """Nobody reads while everything is stored: without a word it would refuse for ever."""
    await fill(path)
    log = opened()
    damage_under_an_open_log(path)

    with pytest.raises(LogDamaged):
        await append(log, b"refused")
    assert log.damaged.done()
    log.close()

    assert await append(opened(), b"first") == 0
    assert len(set_aside(path)) == 1


@pytest.mark.parametrize("largest_checked", [0, 1 << 30])
async def test_a_suspected_file_that_is_sound_is_kept(
    path: Path,
    opened: Callable[..., SqliteLog],
    monkeypatch: pytest.MonkeyPatch,
    largest_checked: int,
) -> None:
    monkeypatch.setattr(opening, "MAX_CHECKED_BYTES", largest_checked)
    _, sent = await fill(path, 60)
    opening.suspect(path)

    assert items(opened()) == sent
    assert set_aside(path) == []


async def test_nothing_is_renamed_under_a_process_that_has_the_log_open(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    log = opened()
    await append(log, b"a")
    opening.suspect(path)

    other = opened()
    await append(log, b"b")

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
