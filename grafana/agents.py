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
PAIR = "bitXor(pair_hash, toUInt64(cityHash64(project_id)))"
"""A pair of a project, as one number: it joins in half the time of the two."""
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
        annotations=[variables.deployments(), variables.dead_letters()],
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
        s.pair_role != 'start' OR ifNull(r.is_open, false) AS is_call,
        if(s.duration_ms IS NULL AND s.pair_role = 'end' AND ifNull(r.has_start, false),
            (s.at_us - r.started_us) / 1e6,
            s.duration_ms / 1e3) AS seconds
    FROM (
        SELECT assumeNotNull(tool_name) AS tool, status, pair_role, pair_hash, duration_ms,
            toUnixTimestamp64Micro(timestamp) AS at_us, {PAIR} AS pair
        FROM spans
        WHERE kind = 'tool_use' AND tool_name != '' AND {IN_RANGE}
    ) AS s
    ANY LEFT JOIN (
        SELECT bitXor(pair, toUInt64(bitShiftRight(run[-1], 1))) AS run_key,
            bitShiftRight(run[1], 1) AS started_us, NOT bitTest(run[-1], 0) AS is_open,
            true AS has_start
        FROM (
            SELECT pair,
                arrayJoin(arraySplit(
                    (mark, before) -> bitTest(before, 0),
                    arraySort(groupArray(toUnixTimestamp64Micro(moment) * 2 + is_end)) AS marks,
                    arrayPushFront(arrayPopBack(marks), 0)
                )) AS run
            FROM (
                SELECT {PAIR} AS pair, moment, is_end
                FROM span_marks
                WHERE (range_s > {LOOKED_UP_TO_S} OR pair_hash IN (
                    SELECT pair_hash
                    FROM spans
                    WHERE kind = 'tool_use' AND pair_role != '' AND {IN_RANGE}
                )){filters(project="project_id")}
            )
            GROUP BY pair
        )
        WHERE NOT bitTest(run[1], 0)
    ) AS r ON bitXor(s.pair, toUInt64(s.at_us)) = r.run_key
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
