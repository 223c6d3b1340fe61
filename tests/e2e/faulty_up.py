"""`sluice`, with what fails on demand: the product itself knows nothing of this.

`FAULT_CLOCK_S` makes the clock jump by as many seconds, there and back, every other second.
`FAULT_SEED` and `FAULT_RATE` make inserts fail at random, before or after the store has taken the
block; while the file `FAULT_STALL` exists no insert ends. `FAULT_DISK_PAGES` is how many pages the
disk has for the log's file, or the spool's: the engine itself then says that it is full.
"""

import os
import random
import sqlite3
import threading
import time
from pathlib import Path

from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseUnavailable
from eventlog import sqlite_file
from sluice.cli import main

POLL_S = 0.02


def break_inserts(seed: str, rate: float, stall: Path) -> None:
    """Replaces `Warehouse.insert_now` by one that fails before, after, or stalls."""
    insert = Warehouse.insert_now
    chance = random.Random(f"{seed}/{os.getpid()}")
    lock = threading.Lock()

    def insert_or_fail(self: Warehouse, table: str, arrow_stream: bytes, token: str) -> None:
        while stall.exists():
            time.sleep(POLL_S)
        with lock:
            before, after = chance.random() < rate, chance.random() < rate
        if before:
            raise WarehouseUnavailable("made to fail before the insert")
        insert(self, table, arrow_stream, token)
        if after:
            raise WarehouseUnavailable("made to fail after the insert")

    Warehouse.insert_now = insert_or_fail  # type: ignore[method-assign]


def break_clock(jump_s: float) -> None:
    """Replaces the clock of the day; the monotonic one, which no clock change moves, stays."""
    right_ns = time.time_ns

    def wrong_ns() -> int:
        now = right_ns()
        return now + int(jump_s * 1e9) * (now // 1_000_000_000 % 2)

    time.time_ns = wrong_ns
    time.time = lambda: wrong_ns() / 1e9


def bound_disk(pages: int) -> None:
    """Replaces `sqlite_file.connect_writer` by one whose file has no more room than that."""
    connect = sqlite_file.connect_writer

    def connect_bounded(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    sqlite_file.connect_writer = connect_bounded


if __name__ == "__main__":
    break_clock(float(os.environ.get("FAULT_CLOCK_S", "0")))
    break_inserts(
        os.environ.get("FAULT_SEED", "0"),
        float(os.environ.get("FAULT_RATE", "0")),
        Path(os.environ.get("FAULT_STALL", "/nonexistent")),
    )
    if pages := int(os.environ.get("FAULT_DISK_PAGES", "0")):
        bound_disk(pages)
    main()
