"""The dashboard of service levels: what was promised of monitors and kept of it, by month."""

from grafana import variables
from grafana.panels import ANY_IS_BAD, Column, Json, Look, Row, arranged, bars, stat, table
from grafana.sql import CLOCK, MOST_POINTS
from grafana.uptime_sql import (
    COUNTED,
    COVERAGE,
    DAYS,
    DOWNTIME_S,
    MINE,
    NAMED,
    PROJECT,
    UPTIME,
)

UID = "sluice-service-levels"
COUNT, BAD = Look("short"), Look("short", ANY_IS_BAD)
SHARE, TIME, PERCENT = Look("percentunit", decimals=3), Look("s"), Look("percent", decimals=3)
IN_MONTHS = f"""day >= toStartOfMonth(toDateTime(since, 'UTC'))
    AND day < toStartOfMonth(toDateTime(until, 'UTC')) + INTERVAL 1 MONTH{MINE}"""
# What is left of a month that is not over. To compare `month` with another one must not be tried:
# engine 26.9 makes days of it, whose column is gone by then.
COMING_S = (
    "greatest(0, dateDiff('second', now('UTC'), toDateTime(month + INTERVAL 1 MONTH, 'UTC')))"
)
# As the report of Sluice: of the whole month without what did not count so far.
BUDGET_S = f"""(toFloat64({COUNTED}) / 1000000 + {COMING_S})
        * (1 - argMax(target_ppm, noted_at) / 1000000)"""
MONTHS = f"""(
    SELECT project_id, monitor_id, toStartOfMonth(day) AS month, argMax(name, noted_at) AS name,
        argMax(target_ppm, noted_at) / 10000 AS target,
        {UPTIME} AS uptime, {COVERAGE} AS coverage,
        {DOWNTIME_S} AS downtime, sum(outages) AS outages, {BUDGET_S} AS budget,
        budget - downtime AS left
    FROM {DAYS}
    WHERE {IN_MONTHS}
    GROUP BY project_id, monitor_id, month
)"""
UTC = "Months of UTC that the range touches. `GET /v1/sla` reports on months of any zone."


def build() -> Json:
    """Returns the dashboard."""
    return variables.board(
        UID,
        "Service levels",
        "What was promised of monitors, and what was kept of it, month by month.",
        filters=[
            variables.source(),
            variables.projects(),
            variables.monitors(),
            variables.address(),
        ],
        panels=arranged([Row("Service levels", [*_counts(), (24, 12, _report()), *_courses()])]),
        annotations=[variables.deployments(), variables.dead_letters()],
    )


def _counts() -> list[tuple[int, int, Json]]:
    def of(expression: str, name: str) -> str:
        return f"{CLOCK}\nSELECT {expression} AS {name}\nFROM {MONTHS}"

    def of_days(expression: str, name: str) -> str:
        return f"{CLOCK}\nSELECT {expression} AS {name}\nFROM {DAYS}\nWHERE {IN_MONTHS}"

    worst = of("if(countIf(budget > 0) = 0, NULL, minIf(left / budget, budget > 0))", "share")
    return [
        (6, 4, stat("Breaches", of("countIf(left < 0)", "breaches"), BAD, UTC)),
        (6, 4, stat("Least budget left", worst, Look("percentunit", decimals=1), UTC)),
        (6, 4, stat("Uptime", of_days(UPTIME, "uptime"), SHARE, UTC)),
        (6, 4, stat("Downtime", of_days(DOWNTIME_S, "downtime"), TIME, UTC)),
    ]


def _report() -> Json:
    sql = f"""{CLOCK}
SELECT formatDateTime(s.month, '%Y-%m') AS month, s.name AS monitor, {PROJECT}, s.target AS target,
    s.uptime AS uptime, s.coverage AS coverage, s.downtime AS downtime, s.outages AS outages,
    s.budget AS budget, s.left AS budget_left, if(s.left < 0, 'yes', 'no') AS breached
FROM {MONTHS} AS s
{NAMED}
ORDER BY month DESC, budget_left, monitor
LIMIT 1000"""
    columns = [
        Column("target", PERCENT, width=100),
        Column("uptime", SHARE, width=110),
        Column("coverage", SHARE, width=110),
        Column("downtime", TIME, width=110),
        Column("budget", TIME, width=110),
        Column("budget_left", TIME, width=110),
        Column("breached", width=90),
    ]
    return table("By monitor and month", sql, columns, f"The least budget first. {UTC}")


def _courses() -> list[tuple[int, int, Json]]:
    def by_month(columns: str) -> str:
        return f"""{CLOCK}
SELECT toDateTime(month, 'UTC') AS time, {columns}
FROM {MONTHS}
GROUP BY time
ORDER BY time
LIMIT {MOST_POINTS}"""

    downtime = by_month("sum(downtime) AS downtime")
    breaches = by_month("countIf(left < 0) AS breaches")
    return [
        (12, 9, bars("Downtime by month", downtime, TIME, UTC)),
        (12, 9, bars("Breaches by month", breaches, COUNT, UTC)),
    ]
