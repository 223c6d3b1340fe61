"""How sessions fared: how many, how they ended, and the people in them, by release and over time.

What became of a session is said by its last update. So each statement first finds the last update
of each session, and then adds up. Sums that servers send are added to them. What is asked for is
when sessions started: a session belongs to the moment at which it started.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.queries.periods import Period, Periods, period_sql, period_values
from schemas.projects import ProjectContext
from schemas.zones import clock_of

MOST_RELEASES = 1_000
MOST_MOMENTS = 2_000
MOST_CELLS = 50_000
"""Releases times buckets."""
NAMED = ("environment", "release")

STATEMENT = """
SELECT
    {keys}sum(total) AS s_total,
    sum(errored) AS s_errored,
    sum(unhandled) AS s_unhandled,
    sum(abnormal) AS s_abnormal,
    sum(crashed) AS s_crashed,
    uniqExactIf(person, person != 0) AS s_people,
    uniqExactIf(person, person != 0 AND crashed > 0) AS s_crashed_people
FROM (
    SELECT
        last.1::String AS release,
        last.2 AS started,
        last.3 AS person,
        toUInt64(1) AS total,
        toUInt64(last.4 = 'unhandled') AS unhandled,
        toUInt64(last.4 = 'abnormal') AS abnormal,
        toUInt64(last.4 = 'crashed') AS crashed,
        toUInt64(last.5 AND last.4 NOT IN ('unhandled', 'abnormal', 'crashed')) AS errored
    FROM (
        SELECT argMax(
            (release, started, person, status, has_errors),
            (seq, timestamp, received_at, log_partition, log_offset)
        ) AS last
        FROM session_updates
        WHERE {where}
            AND session != 0
        GROUP BY session
    )
    UNION ALL
    SELECT
        release::String AS release,
        started,
        person,
        toUInt64(exited) + errored + unhandled + abnormal + crashed AS total,
        toUInt64(unhandled) AS unhandled,
        toUInt64(abnormal) AS abnormal,
        toUInt64(crashed) AS crashed,
        toUInt64(errored) AS errored
    FROM session_updates
    WHERE {where}
        AND session = 0
)
{grouped}
LIMIT {limit:UInt32}
"""
SPANNED = """project_id = {project_id:String}
            AND started >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
            AND started <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"""


class SessionFilter(Struct, frozen=True, kw_only=True):
    """Which sessions, by when they started. Bounds are inclusive, in microseconds since 1970."""

    from_us: int
    to_us: int
    environment: str | None = None
    release: str | None = None
    releases: tuple[str, ...] | None = None
    """One of these; `None` is any."""
    not_environments: tuple[str, ...] = ()


class Health(Struct, frozen=True):
    """How some sessions fared."""

    sessions: int = 0
    errored: int = 0
    """Of those that ended well, or go on: with an error that the application met."""
    unhandled: int = 0
    abnormal: int = 0
    crashed: int = 0
    people: int = 0
    crashed_people: int = 0

    @property
    def healthy(self) -> int:
        """Those without any error."""
        return self.sessions - self.errored - self.unhandled - self.abnormal - self.crashed

    @property
    def crash_free_sessions(self) -> float | None:
        """The share that did not crash, in percent; `None` where there was no session."""
        return share(self.sessions - self.crashed, self.sessions)

    @property
    def crash_free_users(self) -> float | None:
        """The share of people who met no crash, in percent; `None` where nobody is known."""
        return share(self.people - self.crashed_people, self.people)


def share(part: int, whole: int) -> float | None:
    """Returns a share in percent; `None` of nothing."""
    return part / whole * 100 if whole else None


async def read_health(
    warehouse: Warehouse, project: ProjectContext, wanted: SessionFilter
) -> Health:
    """Adds up all sessions of a range."""
    rows = await _ask(warehouse, project, wanted, keys=(), limit=1)
    return Health(*rows[0]) if rows else Health()


async def health_by_release(
    warehouse: Warehouse, project: ProjectContext, wanted: SessionFilter
) -> dict[str, Health]:
    """Adds up the sessions of each release that has some in a range, those with most first."""
    keys = ("release AS k0",)
    rows = await _ask(
        warehouse, project, wanted, keys=keys, ending="ORDER BY s_total DESC, k0",
        limit=MOST_RELEASES,
    )  # fmt: skip
    return {release: Health(*figures) for release, *figures in rows}


async def health_course(
    warehouse: Warehouse, project: ProjectContext, wanted: SessionFilter, period: Period
) -> dict[int, Health]:
    """Adds up the sessions of each bucket that has some, by its first moment."""
    clock = clock_of(project.time_zone, wanted.from_us, wanted.to_us)
    keys = (f"{period_sql(period, clock, 'started')} AS k0",)
    rows = await _ask(
        warehouse, project, wanted, keys=keys, values=period_values(clock), limit=MOST_MOMENTS,
        ending="ORDER BY k0",
    )  # fmt: skip
    periods = Periods(clock, period)
    return {periods.begin(key): Health(*figures) for key, *figures in rows}


async def sessions_over_time(
    warehouse: Warehouse, project: ProjectContext, wanted: SessionFilter, period: Period
) -> dict[str, dict[int, int]]:
    """Counts the sessions of each release in each bucket, by its first moment."""
    clock = clock_of(project.time_zone, wanted.from_us, wanted.to_us)
    keys = ("release AS k0", f"{period_sql(period, clock, 'started')} AS k1")
    rows = await _ask(
        warehouse, project, wanted, keys=keys, values=period_values(clock), limit=MOST_CELLS
    )
    periods, found = Periods(clock, period), dict[str, dict[int, int]]()
    for release, key, total, *_ in rows:
        found.setdefault(release, {})[periods.begin(key)] = total
    return found


async def _ask(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: SessionFilter,
    *,
    keys: Sequence[str],
    limit: int,
    values: dict[str, Any] | None = None,
    ending: str = "",
) -> Sequence[Any]:
    where, bound = _condition(project, wanted)
    grouped = f"GROUP BY {', '.join(f'k{n}' for n in range(len(keys)))}\n{ending}" if keys else ""
    sql = (
        STATEMENT.replace("{keys}", "".join(f"{key},\n    " for key in keys))
        .replace("{where}", where)
        .replace("{grouped}", grouped)
    )
    answer = await warehouse.query(sql, {**bound, **(values or {}), "limit": limit})
    return answer.rows


def _condition(project: ProjectContext, wanted: SessionFilter) -> tuple[str, dict[str, Any]]:
    parts = [SPANNED]
    values: dict[str, Any] = {
        "project_id": project.project_id,
        "from_us": wanted.from_us,
        "to_us": wanted.to_us,
    }
    for name in NAMED:
        value = getattr(wanted, name)
        if value is not None:
            parts.append(f"{name} = {{{name}:String}}")
            values[name] = value
    if wanted.releases is not None:
        parts.append("release IN {releases:Array(String)}")
        values["releases"] = list(wanted.releases[:MOST_RELEASES])
    if wanted.not_environments:
        parts.append("environment NOT IN {not_environments:Array(String)}")
        values["not_environments"] = list(wanted.not_environments)
    return "\n            AND ".join(parts), values
