"""Experiments on the dashboard of quality: what each run of a dataset came to.

As the pages of Sluice count it: calls of one item that share an attempt are one try.
"""

from grafana import scores, variables
from grafana.panels import ERRORS, Column, Json, Look, lines, table
from grafana.sql import BILLED, CLOCK, MOST_POINTS, NAMES, WITHIN, base_one, filters

USD, SECONDS = Look("currencyUSD", decimals=4), Look("s", decimals=2)
NUMBER, SHARE = Look(decimals=3), Look("percentunit", ERRORS, 2)
MOST_RUNS = 200
OF_RUNS = WITHIN + filters(project="project_id")
ATTEMPTS = f"""(
    SELECT e.project_id AS project_id, e.dataset AS dataset, e.run AS run, e.item_id AS item_id,
        count() AS calls, countIf(t.status = 'error') AS errors, sum(t.cost) AS cost,
        sum(t.unpriced) AS unpriced, min(t.start_us) AS start_us,
        max(t.start_us + intDiv(t.latency_ns, 1000)) AS end_us,
        if(count() = 1, any(t.latency_ns) / 1e9, (end_us - start_us) / 1e6) AS latency
    FROM (
        SELECT project_id, trace_id, status, latency_ns,
            toUnixTimestamp64Micro(timestamp) AS start_us, {base_one("cost")} AS cost,
            {base_one("unpriced")} AS unpriced
        FROM traces
        WHERE {OF_RUNS}{BILLED}
            AND timestamp IN (
                SELECT timestamp
                FROM experiment_calls
                WHERE {OF_RUNS}
            )
    ) AS t
    INNER JOIN (
        SELECT project_id, dataset, run, item_id, attempt, trace_id
        FROM experiment_calls
        WHERE {OF_RUNS}
    ) AS e ON t.project_id = e.project_id AND t.trace_id = e.trace_id
    GROUP BY e.project_id, e.dataset, e.run, e.item_id, e.attempt
)"""
SCORED = f"""
        AND sipHash64(trace_id) IN (
            SELECT arrayJoin([sipHash64(trace_id), sipHash64(substring(trace_id, 1, 32))])
            FROM experiment_calls
            WHERE {OF_RUNS}
        )"""
"""Of scores: those of calls of runs, and of the traces of these."""
OF_ITEMS = f"""(
    SELECT e.project_id AS project_id, e.dataset AS dataset, e.run AS run, e.item_id AS item_id,
        s.name::String AS name, avg(s.value) AS value, min(e.begun) AS begun
    FROM (
        SELECT project_id, name, value,
            if((project_id, call_id) IN (
                SELECT project_id, trace_id
                FROM experiment_calls
                WHERE {OF_RUNS}
            ), call_id, trace_id) AS key
        FROM {scores.rows_of(SCORED)}
        WHERE value IS NOT NULL
    ) AS s
    INNER JOIN (
        SELECT project_id, dataset, run, item_id, min(timestamp) AS begun,
            arrayJoin(if(length(trace_id) = 49,
                [trace_id, substring(trace_id, 1, 32)], [trace_id])) AS key
        FROM experiment_calls
        WHERE {OF_RUNS}
        GROUP BY project_id, dataset, run, item_id, key
    ) AS e ON s.project_id = e.project_id AND s.key = e.key
    GROUP BY e.project_id, e.dataset, e.run, e.item_id, name
)"""
ONE_EACH = "A point for each run, at its first call in the range."
RUN = "project_id, dataset, run"


def panels() -> list[tuple[int, int, Json]]:
    """Returns the panels of the row."""
    cost = "if(sum(calls) = sum(unpriced), NULL, toFloat64(sum(cost)) / count())"
    return [
        (8, 9, lines("Experiments: scores of runs", _scores(), NUMBER, f"Averages of their items,"
                     f" numbers and shares of true. {ONE_EACH} {scores.NOW}")),
        (8, 9, lines("Experiments: cost of a try", _by_run(cost), USD, ONE_EACH)),
        (
            *(8, 9),
            lines("Experiments: latency", _by_run("quantileExactInclusive(0.5)(latency)"), SECONDS,
                  f"The median of a run's tries. {ONE_EACH}"),
        ),
        (24, 9, _runs()),
    ]  # fmt: skip


def _by_run(value: str) -> str:
    return f"""{CLOCK}
SELECT fromUnixTimestamp64Micro(min(start_us), 'UTC') AS time, dataset, {value} AS value
FROM {ATTEMPTS}
GROUP BY {RUN}
ORDER BY time
LIMIT {MOST_POINTS}"""


def _scores() -> str:
    return f"""{CLOCK}
SELECT min(begun) AS time, concat(dataset, ' ', name) AS score_name, avg(value) AS score
FROM {OF_ITEMS}
GROUP BY {RUN}, name
ORDER BY time
LIMIT {MOST_POINTS}"""


def _runs() -> Json:
    sql = f"""{CLOCK}
SELECT if(n.name = '', toString(r.project_id), n.name) AS project, r.dataset AS dataset,
    r.run AS run, r.begun AS begun, items, tries, calls, failed, cost, cost_of_a_try, unpriced,
    p50, p95, arrayStringConcat(s.said, ', ') AS scores,
    encodeURLComponent(r.dataset) AS dataset_key, toString(r.project_id) AS project_id
FROM (
    SELECT {RUN}, fromUnixTimestamp64Micro(min(start_us), 'UTC') AS begun,
        uniqExact(item_id) AS items, count() AS tries, sum(calls) AS calls,
        countIf(errors > 0) / tries AS failed, toFloat64(sum(cost)) AS cost,
        sum(unpriced) AS unpriced, if(calls = unpriced, NULL, cost / tries) AS cost_of_a_try,
        quantileExactInclusive(0.5)(latency) AS p50, quantileExactInclusive(0.95)(latency) AS p95
    FROM {ATTEMPTS}
    GROUP BY {RUN}
    ORDER BY begun DESC
    LIMIT {MOST_RUNS}
) AS r
LEFT JOIN (
    SELECT {RUN}, groupArray(20)(concat(name, ' ', toString(round(score, 3)))) AS said
    FROM (
        SELECT {RUN}, name, avg(value) AS score
        FROM {OF_ITEMS}
        GROUP BY {RUN}, name
        ORDER BY name
    )
    GROUP BY {RUN}
) AS s ON r.project_id = s.project_id AND r.dataset = s.dataset AND r.run = s.run
LEFT ANY JOIN {NAMES} AS n ON r.project_id = n.project_id
ORDER BY begun DESC, dataset, run
LIMIT {MOST_RUNS}"""
    own = variables.page("llm/datasets", column="dataset_key").replace(
        "dataset_key:percentencode", "dataset_key:raw"
    )
    columns = [
        Column("dataset", links=[("Its page in Sluice", own)]),
        Column("begun", Look("dateTimeAsIso"), width=180),
        Column("failed", SHARE),
        *(Column(name, USD) for name in ("cost", "cost_of_a_try")),
        *(Column(name, SECONDS) for name in ("p50", "p95")),
        *(Column(name, is_hidden=True) for name in ("dataset_key", "project_id")),
    ]
    return table("Runs of datasets", sql, columns, "The newest first; averages of their scores.")
