"""The row of sessions: crash-free shares, in all, over time and by release.

As the pages of Sluice: the last update of a session says what became of it, and a session belongs
to the time at which it started.
"""

from grafana.error_sql import NARROWED
from grafana.panels import Column, Json, Look, Row, lines, stat, table
from grafana.sql import CLOCK, MOST_POINTS, STEPS, point

COUNT, SHARE = Look("short"), Look("percentunit", decimals=2)
SPANNED = f"started >= since AND started <= until{NARROWED}"
ENDED = f"""(
    SELECT project_id, last.1::String AS version, last.2 AS began, last.3 AS whose,
        toUInt64(1) AS runs, toUInt64(last.4 = 'crashed') AS crashes
    FROM (
        SELECT project_id, session, argMax(
            (release, started, person, status),
            (seq, timestamp, received_at, log_partition, log_offset)
        ) AS last
        FROM session_updates
        WHERE {SPANNED} AND session != 0
        GROUP BY project_id, session
    )
    UNION ALL
    SELECT project_id, release::String AS version, started AS began, person AS whose,
        toUInt64(exited) + errored + unhandled + abnormal + crashed AS runs,
        toUInt64(crashed) AS crashes
    FROM session_updates
    WHERE {SPANNED} AND session = 0
)"""
"""One row a session, or a sum of them."""
FREE = "if(sum(runs) = 0, NULL, 1 - sum(crashes) / sum(runs))"
PEOPLE = "uniqExactIf((project_id, whose), whose != 0)"
MET = "uniqExactIf((project_id, whose), whose != 0 AND crashes > 0)"
FREE_PEOPLE = f"if({PEOPLE} = 0, NULL, 1 - {MET} / {PEOPLE})"
UNKNOWN = "Nothing where there was none: unknown is not 100 %."


def row() -> Row:
    """Returns the row."""

    def total(expression: str, name: str) -> str:
        return f"{CLOCK}\nSELECT {expression} AS {name}\nFROM {ENDED}"

    course = f"""{CLOCK}{STEPS}
SELECT {point("began")} AS time, {FREE} AS sessions, {FREE_PEOPLE} AS users
FROM {ENDED}
GROUP BY time
ORDER BY time
LIMIT {MOST_POINTS}"""
    return Row(
        "Sessions",
        [
            (6, 4, stat("Crash-free sessions", total(FREE, "share"), SHARE, UNKNOWN)),
            (6, 4, stat("Crash-free users", total(FREE_PEOPLE, "share"), SHARE, UNKNOWN)),
            (6, 4, stat("Sessions", total("sum(runs)", "runs"), COUNT)),
            (6, 4, stat("Crashed sessions", total("sum(crashes)", "crashes"), COUNT)),
            (12, 9, lines("Crash-free, course", course, SHARE, UNKNOWN)),
            (12, 9, _releases()),
        ],
    )


def _releases() -> Json:
    sql = f"""{CLOCK}
SELECT version AS release, sum(runs) AS sessions, {FREE} AS crash_free_sessions,
    {FREE_PEOPLE} AS crash_free_users
FROM {ENDED}
GROUP BY version
ORDER BY sessions DESC, version
LIMIT 100"""
    columns = [
        Column("crash_free_sessions", SHARE, width=160),
        Column("crash_free_users", SHARE, width=150),
    ]
    return table("Crash-free by release", sql, columns, "Most sessions first.")
