"""What a crash, or a lost file, does to the WAL: only what was never acknowledged may go."""

# ruff: noqa: ASYNC230, ASYNC240 - small local files, and nothing else on the loop
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.sqlite_log import SqliteLog
from tests.integration.eventlog.logs import append, append_each, items, noise, payloads, set_aside


def crash(log: SqliteLog) -> None:
    """Leaves the file and its WAL as a killed process would."""
    path, copy = log.path, log.path.with_name("crashed")
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    log.close()
    for suffix in ("", "-wal"):
        Path(f"{copy}{suffix}").rename(f"{path}{suffix}")


async def test_garbage_behind_the_wal_is_ignored(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    sent = payloads(30)
    log = opened()
    await append_each(log, sent)
    with Path(f"{path}-wal").open("ab") as wal:
        wal.write(noise(10_000))
    crash(log)

    again = opened()

    assert items(again) == sent
    assert set_aside(path) == []
    assert again.log_id == log.log_id


@pytest.mark.parametrize("cut", [1, 24, 100, 2_000, 4_119])
async def test_a_wal_that_ends_within_a_frame_loses_only_its_last_commit(
    path: Path, opened: Callable[..., SqliteLog], cut: int
) -> None:
    sent = payloads(30)
    log = opened()
    await append_each(log, sent)
    wal = Path(f"{path}-wal")
    acknowledged = wal.stat().st_size
    await append(log, noise(100))
    crash(log)
    with wal.open("r+b") as file:
        file.truncate(wal.stat().st_size - cut)
    assert wal.stat().st_size > acknowledged

    again = opened()

    assert items(again) == sent
    assert await append(again, b"next") == len(sent)


async def test_a_missing_shm_does_not_matter(path: Path, opened: Callable[..., SqliteLog]) -> None:
    sent = payloads(30)
    log = opened()
    await append_each(log, sent)

    crash(log)

    assert not Path(f"{path}-shm").exists()
    assert items(opened()) == sent


async def test_a_main_file_lost_beside_its_wal_is_set_aside_with_it(
    path: Path, opened: Callable[..., SqliteLog]
) -> None:
    log = opened()
    await append(log, b"a")
    crash(log)
    path.write_bytes(b"")
    wal = Path(f"{path}-wal").read_bytes()

    again = opened()

    assert again.log_id != log.log_id
    assert [Path(f"{aside}-wal").read_bytes() for aside in set_aside(path)[:1]] == [wal]
