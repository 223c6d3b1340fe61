"""How far the store's clock is from ours: rows are kept and deleted by it."""

from collections.abc import Callable

from clickhouse.client import Warehouse

NOW_MS = """
SELECT toUnixTimestamp64Milli(now64(3))
"""


def clock_difference_s(warehouse: Warehouse, clock: Callable[[], float]) -> float:
    """Returns by how much they differ at least; `clock` gives seconds since 1970. Blocking."""
    before = clock()
    theirs = float(warehouse.query_now(NOW_MS, None, {}).rows[0][0])
    after = clock()
    # An answer that took long says less: its time is any of those between.
    return max(before - theirs / 1000, theirs / 1000 - after, 0.0)
