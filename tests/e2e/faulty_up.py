"""`sluice`, with a store that fails on demand: the product itself knows nothing of this.

`FAULT_SEED` and `FAULT_RATE` make inserts fail at random, before or after the store has taken the
block; while the file `FAULT_STALL` exists no insert ends.
"""

import os
import random
import threading
import time
from pathlib import Path

from clickhouse.client import Warehouse, WarehouseUnavailable
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


if __name__ == "__main__":
    break_inserts(
        os.environ.get("FAULT_SEED", "0"),
        float(os.environ.get("FAULT_RATE", "0")),
        Path(os.environ.get("FAULT_STALL", "/nonexistent")),
    )
    main()
