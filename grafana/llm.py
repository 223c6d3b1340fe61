"""The dashboard of LLM calls: what happened, what it cost, where."""

from grafana import scores, variables
from grafana.panels import (
    ANY_IS_BAD,
    ERRORS,
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
from grafana.sql import CLOCK, MOST_POINTS, NAMES, STEPS, calls, filters, percentile, summed

UID = "sluice-traces"
COUNT, SHARE = Look("short"), Look("percentunit", decimals=2)
FAILED, UNKNOWN = Look("percentunit", ERRORS, 2), Look("short", ANY_IS_BAD)
USD, SECONDS = Look("currencyUSD", decimals=2), Look("s", decimals=2)
SKETCH = (
    "quantilesDDMergeState(0.01, 0.5, 0.9, 0.95, 0.99)(spread) AS spread, sum(requests) AS measured"
)
ERROR_SHARE = "if(sum(requests) = 0, NULL, sum(errors) / sum(requests))"
ENDS = "The first and the last point count only what lies in the range."
UNPRICED = "Calls without any known price. Their cost is unknown, not 0, and in no sum of costs."
COSTS = (
    "The cost that counts in each project, or the one chosen above."
    " Calls of unknown price are not in it: see Unpriced."
)
ALL_FILTERS = ("project", "model", "environment", "user")
TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")


def build() -> Json:
    """Returns the dashboard."""
    rows = [
        Row("What happened", [*_counts(), *_courses()]),
        Row("What it cost", [*_costs(), *_cost_courses()]),
        Row("Where", [(24, 9, _models()), (12, 9, _users()), (12, 9, _projects())]),
        Row("What people and models think of it", scores.panels()),
        Row("What failed", [(24, 9, _errors())]),
    ]
    return variables.board(
        UID,
        "LLM cost and usage",
        "What was asked of models, what it cost, and how long it took. Sums are exact at both ends"
        " of the range, by the time of the calls.",
        filters=[
            variables.source(),
            variables.projects(),
            variables.values("model", "Model", "model_requested", "trace_sums"),
            variables.values("environment", "Environment", "environment", "trace_sums"),
            variables.values("user", "User", "user_id", "session_sums"),
            variables.cost(),
            variables.address(),
        ],
        panels=arranged(rows),
        annotations=[
            variables.deployments(),
            variables.price_changes(),
            variables.dead_letters(),
        ],
    )


def _counts() -> list[tuple[int, int, Json]]:
    requests = f"{CLOCK}\nSELECT sum(requests) AS calls\nFROM {calls([], ['requests'])}"
    failed = f"{CLOCK}\nSELECT {ERROR_SHARE} AS errors\nFROM {calls([], ['requests', 'errors'])}"
    slow = f"""{CLOCK}
SELECT {percentile(95)} AS p95
FROM (
    SELECT {SKETCH}
    FROM {calls([], ["requests", "spread"])}
)"""
    sessions = f"""{CLOCK}
SELECT uniqExactIf(session_hash, session_hash != 0) AS sessions
FROM {calls([], ["session_hash"], rollup="session_sums")}"""
    return [
        (6, 4, stat("Calls", requests, COUNT)),
        (6, 4, stat("Errors", failed, FAILED, "Share of the calls that failed.")),
        (6, 4, stat("Latency p95", slow, SECONDS, "19 of 20 calls were at least this fast.")),
        (6, 4, stat("Sessions", sessions, COUNT, "Sessions with a call in the range.")),
    ]


def _courses() -> list[tuple[int, int, Json]]:
    by_status = _series("status", "sum(requests) AS calls", ["status"], ["requests"])
    latency = f"""{CLOCK}{STEPS}
SELECT time, {percentile(50)} AS p50, {percentile(95)} AS p95, {percentile(99)} AS p99
FROM (
    SELECT time, {SKETCH}
    FROM {calls([], ["requests", "spread"], steps=True)}
    GROUP BY time
)
ORDER BY time
LIMIT {MOST_POINTS}"""
    active = f"""{CLOCK}{STEPS}
SELECT
    time,
    uniqExactIf(session_hash, session_hash != 0) AS sessions,
    uniqExactIf(user_id, user_id != '') AS users
FROM {calls(["user_id"], ["session_hash"], rollup="session_sums", steps=True)}
GROUP BY time
ORDER BY time
LIMIT {MOST_POINTS}"""
    each = "Those with at least one call in the point. One that goes on counts in each."
    return [
        (8, 9, bars("Calls by status", by_status, COUNT, ENDS)),
        (8, 9, lines("Latency", latency, SECONDS)),
        (8, 9, lines("Sessions and users", active, COUNT, each)),
    ]


def _costs() -> list[tuple[int, int, Json]]:
    cost = f"{CLOCK}\nSELECT {summed(['cost'])}\nFROM {calls([], ['cost'])}"
    each = f"""{CLOCK}
SELECT if(sum(requests) = sum(unpriced), NULL,
    toFloat64(sum(cost)) / (sum(requests) - sum(unpriced))) AS cost_per_call
FROM {calls([], ["requests", "unpriced", "cost"])}"""
    unknown = f"{CLOCK}\nSELECT sum(unpriced) AS calls\nFROM {calls([], ['unpriced'])}"
    tokens = f"""{CLOCK}
SELECT toFloat64(sum(input) + sum(output)) AS tokens
FROM {calls([], ["input", "output"])}"""
    per_call = "Of the calls whose price is known."
    return [
        (6, 4, stat("Cost", cost, USD, COSTS)),
        (6, 4, stat("Cost of a call", each, Look("currencyUSD", decimals=4), per_call)),
        (6, 4, stat("Tokens", tokens, COUNT, "Input with what came from caches, and output.")),
        (6, 4, stat("Unpriced", unknown, UNKNOWN, UNPRICED)),
    ]


def _cost_courses() -> list[tuple[int, int, Json]]:
    keys = ["model_requested AS model"]
    cost = _series("model", summed(["cost"]), keys, ["cost"])
    tokens = f"""{CLOCK}{STEPS}
SELECT time, {summed(TOKENS)}
FROM {calls([], TOKENS, steps=True)}
GROUP BY time
ORDER BY time
LIMIT {MOST_POINTS}"""
    parts = "Cache reads and writes are parts of the input, reasoning is a part of the output."
    return [
        (12, 10, bars("Cost by model", cost, USD, f"{COSTS} {ENDS}")),
        (12, 10, lines("Tokens", tokens, COUNT, parts)),
    ]


def _models() -> Json:
    measures = ["requests", "errors", "input", "output", "cost", "unpriced", "spread"]
    sql = f"""{CLOCK}
SELECT provider, model, calls, errors, {percentile(95)} AS p95, input_tokens, output_tokens, cost,
    unpriced, encodeURLComponent(model) AS model_key
FROM (
    SELECT provider, model, sum(requests) AS calls, {ERROR_SHARE} AS errors,
        toFloat64(sum(input)) AS input_tokens, toFloat64(sum(output)) AS output_tokens,
        {summed(["cost"])}, sum(unpriced) AS unpriced, {SKETCH}
    FROM {calls(["provider", "model_requested AS model"], measures)}
    GROUP BY provider, model
)
ORDER BY cost DESC, calls DESC
LIMIT 200"""
    only = variables.drill(UID, keep=["project", "environment", "user"], model="model_key")
    columns = [
        Column("model", links=[("Only this model", only)]),
        Column("errors", FAILED),
        Column("p95", SECONDS),
        Column("cost", USD),
        Column("unpriced", UNKNOWN),
        Column("model_key", is_hidden=True),
    ]
    return table("Models", sql, columns, "The most expensive first.")


def _users() -> Json:
    measures = ["requests", "errors", "session_hash", "input", "output", "cost"]
    sql = f"""{CLOCK}
SELECT if(user_id = '', '(no user)', user_id) AS user, sum(requests) AS calls,
    {ERROR_SHARE} AS errors, uniqExactIf(session_hash, session_hash != 0) AS sessions,
    toFloat64(sum(input) + sum(output)) AS tokens, {summed(["cost"])},
    encodeURLComponent(user_id) AS user_key
FROM {calls(["user_id"], measures, rollup="session_sums")}
GROUP BY user_id
ORDER BY cost DESC, calls DESC
LIMIT 200"""
    only = variables.drill(UID, keep=["project", "model", "environment"], user="user_key")
    columns = [
        Column("user", links=[("Only this user", only)]),
        Column("errors", FAILED),
        Column("cost", USD),
        Column("user_key", is_hidden=True),
    ]
    return table("Users", sql, columns, "What each user cost, the greatest cost first.")


def _projects() -> Json:
    measures = ["requests", "errors", "input", "output", "cost", "unpriced"]
    sql = f"""{CLOCK}
SELECT if(n.name = '', toString(s.project_id), n.name) AS project, environment, calls, errors,
    tokens, cost, unpriced, toString(s.project_id) AS project_id
FROM (
    SELECT project_id, environment, sum(requests) AS calls, {ERROR_SHARE} AS errors,
        toFloat64(sum(input) + sum(output)) AS tokens, {summed(["cost"])},
        sum(unpriced) AS unpriced
    FROM {calls(["project_id", "environment"], measures)}
    GROUP BY project_id, environment
) AS s
LEFT ANY JOIN {NAMES} AS n ON s.project_id = n.project_id
ORDER BY cost DESC, calls DESC
LIMIT 200"""
    only = variables.drill(UID, keep=["model", "environment", "user"], project="project_id")
    agents = variables.drill("sluice-spans", keep=[], project="project_id")
    columns = [
        Column("project", links=[("Only this project", only), ("Its agents", agents)]),
        Column("errors", FAILED),
        Column("cost", USD),
        Column("unpriced", UNKNOWN),
        Column("project_id", is_hidden=True),
    ]
    return table("Projects and environments", sql, columns, "The most expensive first.")


def _errors() -> Json:
    where = filters(
        project="project_id", model="model_requested", environment="environment", user="user_id"
    )
    sql = f"""{CLOCK}
SELECT e.timestamp AS time, if(n.name = '', toString(e.project_id), n.name) AS project, provider,
    model, user_id AS user, latency_ms / 1e3 AS latency, error, trace_id,
    toString(e.project_id) AS project_id
FROM (
    SELECT timestamp, project_id, provider, model_requested AS model, user_id, latency_ms,
        left(error, 300) AS error, trace_id
    FROM traces
    WHERE timestamp >= since AND timestamp <= until AND status = 'error' AND billing = ''{where}
    ORDER BY timestamp DESC
    LIMIT 50
) AS e
LEFT ANY JOIN {NAMES} AS n ON e.project_id = n.project_id
ORDER BY time DESC
LIMIT 50"""
    columns = [
        Column("time", Look("dateTimeAsIso"), width=180),
        Column("latency", SECONDS, width=90),
        Column("trace_id", links=[("Open in Sluice", variables.trace_page())]),
        Column("project_id", is_hidden=True),
    ]
    return table("Latest errors", sql, columns, "Bodies are not shown here: open the trace.")


def _series(name: str, value: str, keys: list[str], measures: list[str]) -> str:
    return f"""{CLOCK}{STEPS}
SELECT time, {name}, {value}
FROM {calls(keys, measures, steps=True)}
GROUP BY time, {name}
ORDER BY time
LIMIT {MOST_POINTS}"""
