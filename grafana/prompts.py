"""Prompts on the dashboard of quality: what calls of each version came to, over time and in all.

Charts show the versions with most calls. Prompts that were found in traffic are named by a hash:
the table says how their text begins.
"""

from grafana import scores, variables
from grafana.panels import ERRORS, Column, Json, Look, bars, lines, table
from grafana.sql import BILLED, CLOCK, MOST_POINTS, NAMES, STEPS, WITHIN, base_one, filters, point

COUNT, SHARE = Look("short"), Look("percentunit", ERRORS, 2)
USD, SECONDS, NUMBER = Look("currencyUSD", decimals=4), Look("s", decimals=2), Look(decimals=2)
MOST_DRAWN = 10
MOST_LISTED = 200
USED = (
    WITHIN
    + BILLED
    + "\n        AND prompt != ''"
    + filters(
        project="project_id",
        model="model_requested",
        environment="environment",
        user="user_id",
        prompt="prompt",
    )
)
HASH = "cityHash64(prompt) + 3 * cityHash64(prompt_version)"
"""A number in the place of two texts: grouping takes half as long."""
NAMED = "any(prompt) AS prompt_name, any(prompt_version) AS version_name"
LABEL = "concat(prompt_name, ' ', left(version_name, 40))"
DRAWN = f"The {MOST_DRAWN} versions with most calls in the range."
UNKNOWN = "Calls without a known price are left out."


def panels() -> list[tuple[int, int, Json]]:
    """Returns the panels of the row."""
    cost = f"sum({base_one('cost')})"
    known = f"sum({base_one('requests')} - {base_one('unpriced')})"
    per_call = f"if({known} = 0, NULL, toFloat64({cost}) / {known})"
    return [
        (8, 9, bars("Prompts: calls by version", _over_time("toFloat64(count())"), COUNT, DRAWN)),
        (8, 9, bars("Prompts: cost by version", _over_time(f"toFloat64({cost})"), USD, DRAWN)),
        (
            *(8, 9),
            lines("Prompts: latency by version", _over_time("avg(latency_ns) / 1e9"), SECONDS,
                  f"The average. {DRAWN}"),
        ),
        (
            *(12, 9),
            lines("Prompts: cost of a call by version", _over_time(per_call), USD,
                  f"{DRAWN} {UNKNOWN}"),
        ),
        (12, 9, lines("Prompts: scores by version", _scores(), NUMBER, _SCORED)),
        (24, 10, _versions()),
    ]  # fmt: skip


_SCORED = (
    "Averages of the scores given in the range, numbers and shares of true, of calls in the range."
    f" {scores.NOW}"
)


def _over_time(value: str) -> str:
    return f"""{CLOCK}{STEPS}
SELECT time, {LABEL} AS version, value
FROM (
    SELECT *, dense_rank() OVER (ORDER BY all_calls DESC, prompt_hash) AS place
    FROM (
        SELECT *, sum(calls) OVER (PARTITION BY prompt_hash) AS all_calls
        FROM (
            SELECT {point("timestamp")} AS time, {HASH} AS prompt_hash, {NAMED},
                count() AS calls, {value} AS value
            FROM traces
            WHERE {USED}
            GROUP BY time, prompt_hash
        )
    )
)
WHERE place <= {MOST_DRAWN}
ORDER BY time, version
LIMIT {MOST_POINTS}"""


def _scores() -> str:
    # Scores are the side that is kept in memory: as a rule there are fewer than calls.
    return f"""{CLOCK}{STEPS}
SELECT time, concat(prompt_name, ' ', left(version_name, 40), ' ', name) AS version, score
FROM (
    SELECT {point("s.timestamp")} AS time, {HASH} AS prompt_hash, {NAMED}, s.name AS name,
        avg(s.value) AS score
    FROM (
        SELECT sipHash64(project_id, trace_id) AS call_hash, prompt, prompt_version
        FROM traces
        WHERE {USED}
    ) AS t
    INNER JOIN (
        SELECT sipHash64(project_id, call_id) AS call_hash, timestamp, name::String AS name, value
        FROM {scores.rows_of()}
        WHERE value IS NOT NULL AND call_id != ''
    ) AS s ON t.call_hash = s.call_hash
    GROUP BY time, prompt_hash, name
)
ORDER BY time, version
LIMIT {MOST_POINTS}"""


def _versions() -> Json:
    sql = f"""{CLOCK}
SELECT if(n.name = '', toString(v.project_id), n.name) AS project, prompt_name AS prompt,
    version_name AS version, left(t.text, 120) AS text, calls, errors, p50, p95, cost,
    cost_of_a_call, unpriced, encodeURLComponent(prompt_name) AS prompt_key,
    toString(v.project_id) AS project_id
FROM (
    SELECT project_id, {NAMED}, count() AS calls,
        sum({base_one("errors")}) / calls AS errors,
        quantilesExactInclusive(0.5, 0.95)(latency_ns) AS spread,
        spread[1] / 1e9 AS p50, spread[2] / 1e9 AS p95,
        toFloat64(sum({base_one("cost")})) AS cost, sum({base_one("unpriced")}) AS unpriced,
        if(calls = unpriced, NULL, cost / (calls - unpriced)) AS cost_of_a_call
    FROM traces
    WHERE {USED}
    GROUP BY project_id, {HASH}
    ORDER BY calls DESC
    LIMIT {MOST_LISTED}
) AS v
LEFT ANY JOIN (
    SELECT project_id, prompt, version, any(text) AS text
    FROM prompt_templates
    WHERE {filters(project="project_id").replace("AND ", "", 1).strip()}
    GROUP BY project_id, prompt, version
) AS t ON v.project_id = t.project_id AND v.prompt_name = t.prompt
    AND v.version_name = t.version
LEFT ANY JOIN {NAMES} AS n ON v.project_id = n.project_id
ORDER BY calls DESC, prompt_name, version_name
LIMIT {MOST_LISTED}"""
    own = variables.page("llm/prompts", "name=${__data.fields.prompt_key:raw}")
    columns = [
        Column("prompt", links=[("Its page in Sluice", own)]),
        Column("errors", SHARE),
        *(Column(name, SECONDS) for name in ("p50", "p95")),
        *(Column(name, USD) for name in ("cost", "cost_of_a_call")),
        *(Column(name, is_hidden=True) for name in ("prompt_key", "project_id")),
    ]
    return table("Prompts by version", sql, columns, "Those with most calls first.")
