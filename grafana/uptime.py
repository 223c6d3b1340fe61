"""The dashboard of monitors: their states, their uptime, how long checks take and what they say."""

from grafana import variables
from grafana.panels import (
    ANY_IS_BAD,
    Column,
    Json,
    Look,
    Row,
    arranged,
    bars,
    lines,
    stat,
    table,
)
from grafana.sql import CLOCK, MOST_POINTS, STEPS, point
from grafana.uptime_sql import (
    COVERAGE,
    DAYS,
    DOWNTIME_S,
    IN_DAYS,
    IN_RANGE,
    KNOWN,
    MINE,
    NAMED,
    PASSED,
    PROJECT,
    TIMED,
    UPTIME,
)

UID = "sluice-uptime"
COUNT, BAD = Look("short"), Look("short", ANY_IS_BAD)
SHARE, TIME, MS = Look("percentunit", decimals=3), Look("s"), Look("ms", decimals=1)
WHOLE_DAYS = "Of the whole days of UTC that the range touches; today until some minutes ago."
PHASES = ("dns", "connect", "tls", "first_byte", "transfer")
REGIONS = """(
    SELECT project_id, region::String AS region, toStartOfHour(slot) AS bucket
    FROM checks
)"""


def build() -> Json:
    """Returns the dashboard."""
    rows = [
        Row("Monitors", [*_counts(), (24, 10, _monitors()), *_days()]),
        Row("Checks", _checks()),
    ]
    return variables.board(
        UID,
        "Uptime",
        "Which monitors are up, how much of the time they were, and how long checks take.",
        filters=[
            variables.source(),
            variables.projects(),
            variables.monitors(),
            variables.values("region", "Region", "region", REGIONS),
            variables.address(),
        ],
        panels=arranged(rows),
        annotations=[variables.deployments(), variables.dead_letters()],
    )


def _counts() -> list[tuple[int, int, Json]]:
    def now(expression: str) -> str:
        return f"{CLOCK}\nSELECT {expression} AS monitors\nFROM {KNOWN}\nWHERE 1 = 1{MINE}"

    def of_days(expression: str, name: str) -> str:
        return f"{CLOCK}\nSELECT {expression} AS {name}\nFROM {DAYS}\nWHERE {IN_DAYS}"

    unknown = "Time of which nothing is known, maintenance and pauses count neither way. "
    minutes = "As they are now, or were some minutes ago."
    return [
        (4, 4, stat("Monitors", now("count()"), COUNT)),
        (4, 4, stat("Down", now("countIf(state = 'down')"), BAD, minutes)),
        (4, 4, stat("Uptime", of_days(UPTIME, "uptime"), SHARE, unknown + WHOLE_DAYS)),
        (4, 4, stat("Coverage", of_days(COVERAGE, "coverage"), SHARE, WHOLE_DAYS)),
        (4, 4, stat("Downtime", of_days(DOWNTIME_S, "downtime"), TIME, WHOLE_DAYS)),
        (4, 4, stat("Outages", of_days("sum(outages)", "outages"), COUNT, WHOLE_DAYS)),
    ]


def _monitors() -> Json:
    sql = f"""{CLOCK}
SELECT s.name AS monitor, {PROJECT}, s.state AS state, d.uptime AS uptime, d.coverage AS coverage,
    d.downtime AS downtime, d.outages AS outages, c.last_check AS last_check,
    c.last_outcome AS last_outcome, c.p95 AS p95, s.monitor_id AS monitor_id,
    toString(s.project_id) AS project_id
FROM (
    SELECT project_id, monitor_id, name, state
    FROM {KNOWN}
    WHERE 1 = 1{MINE}
) AS s
LEFT ANY JOIN (
    SELECT project_id, monitor_id, {UPTIME} AS uptime, {COVERAGE} AS coverage,
        {DOWNTIME_S} AS downtime, sum(outages) AS outages
    FROM {DAYS}
    WHERE {IN_DAYS}
    GROUP BY project_id, monitor_id
) AS d ON s.project_id = d.project_id AND s.monitor_id = d.monitor_id
LEFT ANY JOIN (
    SELECT project_id, monitor_id, toNullable(max(slot)) AS last_check,
        argMax(outcome, slot)::String AS last_outcome,
        if(countIf({TIMED}) = 0, NULL, quantileIf(0.95)(total_ms, {TIMED})) AS p95
    FROM checks
    WHERE {IN_RANGE}
    GROUP BY project_id, monitor_id
) AS c ON s.project_id = c.project_id AND s.monitor_id = c.monitor_id
{NAMED}
ORDER BY state = 'down' DESC, state = 'degraded' DESC, uptime, monitor
LIMIT 1000"""
    columns = [
        Column("uptime", SHARE, width=110),
        Column("coverage", SHARE, width=110),
        Column("downtime", TIME, width=110),
        Column("last_check", Look("dateTimeAsIso"), width=170),
        Column("p95", MS, width=100),
        Column("monitor_id", is_hidden=True),
        Column("project_id", is_hidden=True),
    ]
    text = f"What is down comes first. {WHOLE_DAYS} The last check and p95 are of the range."
    return table("State", sql, columns, text)


def _days() -> list[tuple[int, int, Json]]:
    def by_day(columns: str, group: str = "") -> str:
        return f"""{CLOCK}
SELECT toDateTime(day, 'UTC') AS time, {columns}
FROM {DAYS}
WHERE {IN_DAYS}
GROUP BY time{group}
ORDER BY time
LIMIT {MOST_POINTS}"""

    uptime = by_day(f"{UPTIME} AS uptime, {COVERAGE} AS coverage")
    downtime = by_day(f"any(name) AS value, {DOWNTIME_S} AS downtime", ", monitor_id")
    return [
        (12, 9, lines("Uptime by day", uptime, SHARE, "Days of UTC.")),
        (12, 9, bars("Downtime by day", downtime, TIME, "Days of UTC, by monitor.")),
    ]


def _checks() -> list[tuple[int, int, Json]]:
    def course(columns: str, only: str = "", group: str = "") -> str:
        return f"""{CLOCK}{STEPS}
SELECT {point("slot")} AS time, {columns}
FROM checks
WHERE {IN_RANGE}{only}
GROUP BY time{group}
ORDER BY time
LIMIT {MOST_POINTS}"""

    times = "quantilesTDigest(0.5, 0.95, 0.99)(total_ms)"
    total = course(
        f"({times} AS spread)[1] AS p50, spread[2] AS p95, spread[3] AS p99", f" AND {TIMED}"
    )
    medians = ", ".join(
        f"if(count({one}_ms) = 0, NULL, quantileTDigest({one}_ms)) AS {one}" for one in PHASES
    )
    phases = course(medians, f" AND {PASSED}")
    outcomes = course("outcome::String AS value, count() AS checks", group=", value")
    reasons = f"""{CLOCK}
SELECT reason::String AS reason, region::String AS region, count() AS checks,
    uniqExact(monitor_id) AS monitors, max(slot) AS last_check
FROM checks
WHERE {IN_RANGE} AND NOT {PASSED}
GROUP BY reason, region
ORDER BY checks DESC
LIMIT 100"""
    passed = "Of checks that passed, within some percent."
    return [
        (12, 9, lines("Response time", total, MS, passed)),
        (12, 9, lines("Response time by phase", phases, MS, f"Medians. {passed}")),
        (12, 9, bars("Checks by outcome", outcomes, COUNT)),
        (
            12,
            9,
            table(
                "Why checks failed",
                reasons,
                [Column("last_check", Look("dateTimeAsIso"), width=170)],
                "With those that tell nothing, as the prober itself was offline or overloaded.",
            ),
        ),
    ]
