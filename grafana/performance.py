"""The lower half of the dashboard of errors: how many transactions, how fast, how often failing."""

from grafana import variables
from grafana.error_sql import (
    APDEX,
    FAILURE_RATE,
    MERGED,
    MOST_SPANS,
    PER_MINUTE,
    of_chosen_transactions,
    transactions,
)
from grafana.panels import ERRORS, Column, Json, Look, Row, bars, lines, stat, table
from grafana.sql import CLOCK, MOST_POINTS, NAMES, STEPS, WITHIN, percentile

COUNT, RATE, SCORE = Look("short"), Look("short", decimals=1), Look("short", decimals=2)
SHARE, FAILED = Look("percentunit", decimals=2), Look("percentunit", ERRORS, 2)
SECONDS = Look("s", decimals=2)
ENDS = "The first and the last point count only what lies in the range."
CONTENT = "From 0 to 1: done within 300 ms counts 1, within 1.2 s a half, all else and failures 0."


def row(uid: str) -> Row:
    """Returns the panels; `uid` is that of the dashboard."""
    return Row("Performance", [*_figures(), *_measured(), (24, 10, _names(uid)), (24, 9, _spans())])


def _figures() -> list[tuple[int, int, Json]]:
    def one(expression: str, name: str, measures: list[str]) -> str:
        return f"{CLOCK}\nSELECT {expression} AS {name}\nFROM {transactions([], measures)}"

    slow = f"""{CLOCK}
SELECT {percentile(95)} AS p95
FROM (
    SELECT {MERGED}
    FROM {transactions([], ["requests", "spread"])}
)"""
    counted = one("sum(requests)", "count", ["requests"])
    minute = one(PER_MINUTE, "rate", ["requests"])
    failed = one(FAILURE_RATE, "rate", ["requests", "failures"])
    apdex = one(APDEX, "apdex", ["requests", "good", "fair"])
    return [
        (5, 4, stat("Transactions", counted, COUNT, "Requests, jobs and page loads.")),
        (5, 4, stat("Throughput", minute, RATE, "Transactions a minute.")),
        (5, 4, stat("Failure rate", failed, FAILED)),
        (5, 4, stat("Duration p95", slow, SECONDS, "19 of 20 were at least this fast.")),
        (4, 4, stat("Apdex", apdex, SCORE, CONTENT)),
    ]


def _measured() -> list[tuple[int, int, Json]]:
    def course(columns: str, measures: list[str], keys: str = "") -> str:
        named = [keys] if keys else []
        return f"""{CLOCK}{STEPS}
SELECT time, {columns}
FROM {transactions(named, measures, steps=True)}
GROUP BY time{", operation" if keys else ""}
ORDER BY time
LIMIT {MOST_POINTS}"""

    key = "if(op = '', '(none)', op::String) AS operation"
    counted = course("operation, sum(requests) AS count", ["requests"], key)
    failed = course(f"{FAILURE_RATE} AS rate", ["requests", "failures"])
    apdex = course(f"{APDEX} AS apdex", ["requests", "good", "fair"])
    latency = f"""{CLOCK}{STEPS}
SELECT time, {percentile(50)} AS p50, {percentile(95)} AS p95, {percentile(99)} AS p99
FROM (
    SELECT time, {MERGED}
    FROM {transactions([], ["requests", "spread"], steps=True)}
    GROUP BY time
)
ORDER BY time
LIMIT {MOST_POINTS}"""
    return [
        (12, 9, bars("Transactions by operation", counted, COUNT, ENDS)),
        (12, 9, lines("Durations", latency, SECONDS)),
        (12, 9, lines("Failure rate, course", failed, SHARE)),
        (12, 9, lines("Apdex, course", apdex, SCORE, CONTENT)),
    ]


def _names(uid: str) -> Json:
    measures = ["requests", "failures", "good", "fair", "total_ns", "spread"]
    sql = f"""{CLOCK}
SELECT if(n.name = '', toString(s.project_id), n.name) AS project, s.name AS name, op, count,
    per_minute, failure_rate, {percentile(50)} AS p50, {percentile(95)} AS p95,
    {percentile(99)} AS p99, apdex, total, toString(s.project_id) AS project_id
FROM (
    SELECT project_id, name, operation AS op, sum(requests) AS count, {PER_MINUTE} AS per_minute,
        {FAILURE_RATE} AS failure_rate, {APDEX} AS apdex,
        toFloat64(sum(total_ns)) / 1e9 AS total, {MERGED}
    FROM {transactions(["project_id", "name", "op::String AS operation"], measures)}
    GROUP BY project_id, name, operation
    ORDER BY total DESC
    LIMIT 200
) AS s
LEFT ANY JOIN {NAMES} AS n ON s.project_id = n.project_id
ORDER BY total DESC, count DESC
LIMIT 200"""
    only = variables.drill(uid, keep=["environment", "release"], project="project_id")
    name, op = ("${__data.fields." + column + ":percentencode}" for column in ("name", "op"))
    columns = [
        Column("project", links=[("Only this project", only.replace("&${cost:queryparam}", ""))]),
        Column(
            "name",
            links=[("Open in Sluice", variables.page("performance/name", f"name={name}&op={op}"))],
        ),
        Column("per_minute", RATE),
        Column("failure_rate", FAILED),
        *(Column(share, SECONDS) for share in ("p50", "p95", "p99")),
        Column("apdex", SCORE),
        Column("total", SECONDS),
        Column("project_id", is_hidden=True),
    ]
    return table("Transactions by name", sql, columns, "What takes most time in all comes first.")


def _newest_spans(table: str) -> str:
    return f"""
            SELECT project_id, op, duration_ns, event_id, timestamp
            FROM {table}
            WHERE {WITHIN}
                AND {of_chosen_transactions()}
            ORDER BY timestamp DESC
            LIMIT {MOST_SPANS}
        """


def _spans() -> Json:
    # A span is in one of both tables: with its transaction, or streamed by itself.
    both = " UNION ALL ".join(
        f"({_newest_spans(table)})" for table in ("transaction_spans", "streamed_spans")
    )
    sql = f"""{CLOCK}
SELECT if(n.name = '', toString(s.project_id), n.name) AS project, op, count, total,
    spread[1] / 1e9 AS p50, spread[2] / 1e9 AS p95, longest, slowest,
    toString(s.project_id) AS project_id
FROM (
    SELECT project_id, op::String AS op, count() AS count,
        toFloat64(sum(toUInt128(duration_ns))) / 1e9 AS total, max(duration_ns) / 1e9 AS longest,
        quantilesDD(0.01, 0.5, 0.95)(duration_ns) AS spread,
        argMax(event_id, duration_ns) AS slowest
    FROM (
        SELECT project_id, op, duration_ns, event_id
        FROM ({both})
        ORDER BY timestamp DESC
        LIMIT {MOST_SPANS}
    )
    GROUP BY project_id, op
    ORDER BY total DESC
    LIMIT 100
) AS s
LEFT ANY JOIN {NAMES} AS n ON s.project_id = n.project_id
ORDER BY total DESC, op
LIMIT 100"""
    columns = [
        Column("op", links=[("Open in Sluice", variables.page("performance/spans"))]),
        *(Column(name, SECONDS) for name in ("total", "p50", "p95", "longest")),
        Column(
            "slowest",
            links=[
                ("Open in Sluice", variables.page("performance/transactions", column="slowest"))
            ],
        ),
        Column("project_id", is_hidden=True),
    ]
    text = f"By operation, of the newest {MOST_SPANS:,} spans. The slowest names its transaction."
    return table("Slowest spans", sql, columns, text)
