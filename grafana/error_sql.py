"""What the statements about errors and transactions are put together from, behind `CLOCK`.

Errors count as the dashboard's pages count them: by the whole hours that a range touches, from
`error_hours` alone. Sums of transactions are exact at both ends, as those of calls.
"""

from collections.abc import Sequence

from grafana.sql import SKETCH, WITHIN, chosen, filters, is_all, point

MINE = filters(project="project_id")
NARROWED = filters(project="project_id", environment="environment", release="release")
IN_HOURS = f"hour >= toStartOfHour(since, 'UTC') AND hour <= until{NARROWED}"
"""Of `error_hours`."""
MOST_SPANS = 300_000
"""Spans of a range, the newest, that are looked at: as the page of slow spans does."""
TARGET_NS = 300_000_000
"""Of the apdex; the rollups are made for it (migration 14)."""
SATISFIED = f"NOT failed AND duration_ns <= {TARGET_NS}"
TOLERATED = f"NOT failed AND duration_ns > {TARGET_NS} AND duration_ns <= {4 * TARGET_NS}"
# Name, of base rows, of a row of a rollup. No name is that of a column: it would stand for that.
MEASURES = {
    "requests": ("count()", "count"),
    "failures": ("countIf(failed)", "failed"),
    "good": (f"countIf({SATISFIED})", "satisfied"),
    "fair": (f"countIf({TOLERATED})", "tolerated"),
    "total_ns": ("sum(toUInt128(duration_ns))", "duration_ns"),
    "spread": (f"quantilesDDState{SKETCH}(duration_ns)", "duration"),
}
MERGED = f"quantilesDDMergeState{SKETCH}(spread) AS spread, sum(requests) AS measured"
"""What `percentile` reads."""
FAILURE_RATE = "if(sum(requests) = 0, NULL, sum(failures) / sum(requests))"
APDEX = "if(sum(requests) = 0, NULL, (2 * sum(good) + sum(fair)) / (2 * sum(requests)))"
PER_MINUTE = "sum(requests) * 60 / greatest(range_s, 1)"
IN_DAYS = "day >= first_day AND day < end_day"
HOUR_IN_DAYS = "hour >= first_day AND hour < end_day"
OF_UTC = "is_daily AND zone = 'UTC'"


def transactions(keys: Sequence[str], measures: Sequence[str], *, steps: bool = False) -> str:
    """Returns rows to add up: keys, measures, with `steps` the time of the point they belong to.

    Whole days come from `transaction_days`, where no point is shorter or of another zone; other
    whole hours from `transaction_hours`, what is left over from `transactions`.
    """
    whole = _whole("hour", steps)
    by_days = f" AND {OF_UTC}" if steps else ""
    base = [f"{MEASURES[name][0]} AS {name}" for name in measures]
    rolled = [f"{MEASURES[name][1]} AS {name}" for name in measures]
    names = [*(["time"] if steps else []), *(key.rpartition(" ")[2] for key in keys)]
    grouped = f"\n    GROUP BY {', '.join(names)}" if names else ""
    return f"""(
    SELECT {_columns("hour", keys, rolled, steps)}
    FROM transaction_hours
    WHERE {whole} AND NOT ({HOUR_IN_DAYS}{by_days}){NARROWED}
    UNION ALL
    SELECT {_columns("day", keys, rolled, steps)}
    FROM transaction_days
    WHERE {IN_DAYS}{by_days}{NARROWED}
    UNION ALL
    SELECT {_columns("timestamp", keys, base, steps)}
    FROM transactions
    WHERE {WITHIN} AND NOT ({_whole("timestamp", steps)}){NARROWED}{grouped}
)"""


def of_chosen_transactions() -> str:
    """Returns the condition on spans that their transactions are chosen; it is none with All."""
    places = filters(environment="environment", release="release")
    return f"""{chosen("project_id", "project")}
            AND (({is_all("environment")} AND {is_all("release")}) OR event_id IN (
                SELECT event_id
                FROM transactions
                WHERE {WITHIN}{MINE}{places}
            ))"""


def _columns(time: str, keys: Sequence[str], measures: Sequence[str], steps: bool) -> str:
    at = [f"{point(time)} AS time"] if steps else []
    return ", ".join([*at, *keys, *measures])


def _whole(time: str, steps: bool) -> str:
    whole = f"{time} >= from_hour AND {time} < end_hour"
    if not steps:
        return whole
    hour = f"toStartOfHour({time}, 'UTC')"
    ends = f"toStartOfDay({hour} + INTERVAL 3599 SECOND, zone)"
    return f"{whole} AND NOT (has_split_hours AND toStartOfDay({hour}, zone) != {ends})"
