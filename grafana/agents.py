"""The dashboard of agents: what they did, what it cost, with which tools and in which sessions."""

from grafana import variables
from grafana.panels import ERRORS, Column, Json, Look, Row, arranged, bars, stat, table
from grafana.sql import CLOCK, MOST_POINTS, NAMES, STEPS, counted, filters, spans, summed

UID = "sluice-spans"
COUNT, FAILED = Look("short"), Look("percentunit", ERRORS, 2)
USD, SECONDS = Look("currencyUSD", decimals=2), Look("s", decimals=2)
ENDS = "The first and the last point count only what lies in the range."
WHERE = filters(project="project_id", source="source")
LOOKED_UP_TO_S = 3 * 86_400
"""In a short range there are few pairs: only their starts and ends are read."""
IN_RANGE = f"timestamp >= since AND timestamp <= until{WHERE}"


def build() -> Json:
    """Returns the dashboard."""
    rows = [
        Row("What happened", [*_counts(), (12, 9, _by_kind()), (12, 9, _by_source())]),
        Row("What it cost", [(24, 9, _cost())]),
        Row("Where", [(12, 11, _tools()), (12, 11, _sessions())]),
    ]
    return variables.board(
        UID,
        "Agents",
        "What agents did, with which tools, and what it cost. Sums are exact at both ends of the"
        " range, by the time of the events.",
        filters=[
            variables.source(),
            variables.projects(),
            variables.values("source", "Agent", "source", "spans_hourly"),
            variables.cost(),
            variables.address(),
        ],
        panels=arranged(rows),
        annotations=[variables.dead_letters()],
    )


def _counts() -> list[tuple[int, int, Json]]:
    sessions = f"""{CLOCK}
SELECT uniqExact(project_id, session_id) AS sessions
FROM spans
WHERE {IN_RANGE}"""
    events = f"{CLOCK}\nSELECT sum(spans) AS events\nFROM {spans([], ['spans'])}"
    failed = f"""{CLOCK}
SELECT if(sum(spans) = 0, NULL, sum(errors) / sum(spans)) AS errors
FROM {spans([], ["spans", "errors"])}"""
    cost = f"{CLOCK}\nSELECT {summed(['cost'])}\nFROM {spans([], ['cost'])}"
    known = "The cost that counts in each project, or the one chosen above. Unknown is not in it."
    return [
        (6, 4, stat("Sessions", sessions, COUNT, "Sessions with an event in the range.")),
        (6, 4, stat("Events", events, COUNT, "A tool call that starts and ends is two events.")),
        (6, 4, stat("Errors", failed, FAILED, "Share of the events that failed.")),
        (6, 4, stat("Cost", cost, USD, known)),
    ]


def _by_kind() -> Json:
    return bars("Events by kind", _series("kind", "sum(spans) AS events", ["spans"]), COUNT, ENDS)


def _by_source() -> Json:
    sql = _series("source", "sum(spans) AS events", ["spans"])
    return bars("Events by agent", sql, COUNT, ENDS)


def _cost() -> Json:
    return bars("Cost by agent", _series("source", summed(["cost"]), ["cost"]), USD, ENDS)


def _series(name: str, value: str, measures: list[str]) -> str:
    return f"""{CLOCK}{STEPS}
SELECT time, {name}, {value}
FROM {spans([name], measures, steps=True)}
GROUP BY time, {name}
ORDER BY time
LIMIT {MOST_POINTS}"""


def _tools() -> Json:
    """A call is a start with its end; what it lasted is what its span says, else what lies between.

    Which start an end belongs to is found as `clickhouse/llm/pairs.py` does.
    """
    sql = f"""{CLOCK}
SELECT
    tool,
    countIf(is_call) AS calls,
    if(calls = 0, NULL, countIf(is_call AND status = 'error') / calls) AS errors,
    quantileExactInclusiveOrNullIf(0.5)(assumeNotNull(seconds), seconds IS NOT NULL) AS p50,
    quantileExactInclusiveOrNullIf(0.95)(assumeNotNull(seconds), seconds IS NOT NULL) AS p95
FROM (
    SELECT
        s.tool AS tool,
        s.status AS status,
        s.pair_role != 'start' OR ifNull(r.is_open, 0) = 1 AS is_call,
        if(s.duration_ms IS NULL AND s.pair_role = 'end' AND r.pair_hash != 0,
            dateDiff('microsecond', r.pair_started, s.timestamp) / 1e6,
            s.duration_ms / 1e3) AS seconds
    FROM (
        SELECT project_id, assumeNotNull(tool_name) AS tool, status, pair_role, pair_hash,
            duration_ms, timestamp
        FROM spans
        WHERE kind = 'tool_use' AND tool_name != '' AND {IN_RANGE}
    ) AS s
    LEFT ANY JOIN (
        SELECT project_id, pair_hash, max(moment) AS timestamp, min(moment) AS pair_started,
            NOT max(is_end) AS is_open
        FROM (
            SELECT project_id, pair_hash, moment, is_end,
                countIf(is_end) OVER (
                    PARTITION BY project_id, pair_hash
                    ORDER BY moment, is_end
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS run
            FROM span_marks
            WHERE (range_s > {LOOKED_UP_TO_S} OR pair_hash IN (
                SELECT pair_hash
                FROM spans
                WHERE kind = 'tool_use' AND pair_role != '' AND {IN_RANGE}
            )){filters(project="project_id")}
        )
        GROUP BY project_id, pair_hash, run
        HAVING NOT min(is_end)
    ) AS r ON s.project_id = r.project_id AND s.pair_hash = r.pair_hash
        AND s.timestamp = r.timestamp
)
GROUP BY tool
ORDER BY calls DESC
LIMIT 200"""
    columns = [Column("errors", FAILED), Column("p50", SECONDS), Column("p95", SECONDS)]
    return table("Tools", sql, columns, "A start and its end are one call.")


def _sessions() -> Json:
    cost = counted(
        "ifNull(coalesce(reported_cost, computed_cost), 0)",
        "ifNull(coalesce(computed_cost, reported_cost), 0)",
    )
    sql = f"""{CLOCK}
SELECT s.begun AS begun, if(n.name = '', toString(s.project_id), n.name) AS project, agent, lasted,
    events, errors, cost, session_id, toString(s.project_id) AS project_id
FROM (
    SELECT project_id, session_id, any(source) AS agent, min(timestamp) AS begun,
        dateDiff('second', min(timestamp), max(timestamp)) AS lasted, count() AS events,
        countIf(status = 'error') AS errors, toFloat64(sum({cost})) AS cost
    FROM spans
    WHERE {IN_RANGE}
    GROUP BY project_id, session_id
    ORDER BY cost DESC, events DESC
    LIMIT 50
) AS s
LEFT ANY JOIN {NAMES} AS n ON s.project_id = n.project_id
ORDER BY cost DESC, events DESC
LIMIT 50"""
    calls = variables.drill("sluice-traces", keep=[], project="project_id")
    columns = [
        Column("begun", Look("dateTimeAsIso"), width=180),
        Column("project", links=[("Its LLM calls", calls)]),
        Column("lasted", Look("s")),
        Column("cost", USD),
        Column("project_id", is_hidden=True),
    ]
    return table(
        "Sessions", sql, columns, "The fifty with the greatest cost, by their events in the range."
    )
