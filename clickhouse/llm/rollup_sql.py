"""The texts that statements over rollups are made of, and what of kept days goes into them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from schemas.projects import CostPreference

# Sum over base rows and column of the rollups, by the cost that counts.
COUNTED_SUM: Mapping[CostPreference, tuple[str, str]] = {
    "reported": (
        "sum(coalesce(t.reported_cost, t.computed_cost, 0))",
        "reported_first_cost",
    ),
    "computed": (
        "sum(coalesce(t.computed_cost, t.reported_cost, 0))",
        "computed_first_cost",
    ),
}
# Name, sum over base rows, column of the rollups; in the order of `Sums`. Widened, because some
# 2,000 of the largest values that an item may bring fill 64 bits.
MEASURES = (
    ("requests", "count()", "requests"),
    ("errors", "countIf(t.status = 'error')", "if(status = 'error', requests, 0)"),
    ("input", "sum(toUInt128(ifNull(t.input_tokens, 0)))", "input_tokens"),
    ("output", "sum(toUInt128(ifNull(t.output_tokens, 0)))", "output_tokens"),
    ("cache_read", "sum(toUInt128(ifNull(t.cache_read_tokens, 0)))", "cache_read_tokens"),
    ("cache_write", "sum(toUInt128(ifNull(t.cache_write_tokens, 0)))", "cache_write_tokens"),
    ("reasoning", "sum(toUInt128(ifNull(t.reasoning_tokens, 0)))", "reasoning_tokens"),
    ("reported", "sum(ifNull(t.reported_cost, 0))", "reported_cost"),
    ("computed", "sum(ifNull(t.computed_cost, 0))", "computed_cost"),
    (
        "unpriced",
        "countIf(t.reported_cost IS NULL AND t.computed_cost IS NULL)",
        "unpriced",
    ),
    ("latency_ns", "sum(toUInt128(t.latency_ns))", "latency_ns"),
)

FLAT = """
SELECT
    {totals}
FROM traces AS t
WHERE {where}
{ending}
"""
NOT_EMPTY = "HAVING s_requests != 0"
"""Leaves groups out of which no call is billed any more: their sums are there, and add up to 0."""
MIXED = """
SELECT
    {totals}
FROM (
    SELECT
        {base}
    FROM traces AS t
    WHERE {where}
        AND {beside}
    {grouped}
    {arms}
)
{ending}
"""
ARM = """UNION ALL
    SELECT
        {rolled}
    FROM {table}
    WHERE {where}
        AND {bucket}"""
LATE = """UNION ALL
    SELECT
        {base}
    FROM traces AS t
    WHERE {where}
        AND {bucket}
        AND {late}
    {grouped}"""
BUCKET = """bucket >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
        AND bucket < fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')"""
DAY_BUCKET = BUCKET.replace("first_us", "first_day_us").replace("last_us", "last_day_us")
KEPT_DAYS = "{kept_days:Array(Date)}"
GRAINS = "('few', 'many')"
"""Of rows of sums: those that hold latencies, and those that hold a sketch of them."""
OF_BUILDS = """path = {kept_path:String}
        AND grain IN {grains}
        AND received_date IN {kept_days:Array(Date)}
        AND build IN {kept_builds:Array(UInt64)}"""
RECEIVED = """received_at >= fromUnixTimestamp64Micro({{kept_from_{n}:Int64}}, 'UTC')
            AND received_at < fromUnixTimestamp64Micro({{kept_to_{n}:Int64}}, 'UTC')"""


class Kept(NamedTuple):
    """Days of which sums by users, or by the values of one key of the metadata, are kept."""

    path: str
    """Of the key, as `clickhouse.tags` spells it; empty for users."""
    days: tuple[date, ...]
    """On which the calls came in, in order."""
    builds: tuple[int, ...]
    lacks_days: bool = False
    """Whether rows are gone of others, or of some whose sums are not those of now: what is read of
    them is too little, or has costs of before."""


def kept_values(kept: Kept) -> dict[str, Any]:
    """Returns what statements over kept days bind."""
    values: dict[str, Any] = {
        "kept_path": kept.path,
        "kept_days": list(kept.days),
        "kept_builds": list(kept.builds),
    }
    for number, (first, end) in enumerate(_runs(kept.days)):
        values |= {f"kept_from_{number}": _us(first), f"kept_to_{number}": _us(end)}
    return values


def received_then(kept: Kept) -> str:
    """Returns the condition that rows of traces came in on kept days.

    By the moments of their arrival, which have an index.
    """
    runs = enumerate(_runs(kept.days))
    return "\n            OR ".join(RECEIVED.format(n=number) for number, _ in runs)


def _runs(days: Sequence[date]) -> list[tuple[date, date]]:
    """Returns days that follow one another as their first and the one after their last."""
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and runs[-1][1] == day:
            runs[-1] = runs[-1][0], day + timedelta(days=1)
        else:
            runs.append((day, day + timedelta(days=1)))
    return runs


def _us(day: date) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000


def key_hash(keys: list[str]) -> str:
    """Returns the hash that groups are found by again.

    Not sipHash64, which takes two thirds of a statement over names of a dictionary. Groups
    are told by their keys in the end, so who makes hashes collide only has more groups read.
    """
    return f"cityHash64({', '.join(keys) or '0'})"


def key_names(names: tuple[str, ...]) -> list[str]:
    """Returns k0, k1, ..., a key for each dimension."""
    return [f"k{number}" for number in range(len(names))]


def grouped(keys: Iterable[str]) -> str:
    """Returns the GROUP BY clause for these keys; no keys, no clause."""
    named = ", ".join(keys)
    return f"GROUP BY {named}" if named else ""
