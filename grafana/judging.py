"""Judges on the dashboard of quality: the scores that they gave, and the calls that they made.

What was skipped, and how many calls wait, the store does not know: their pages say it.
"""

from grafana import scores
from grafana.panels import ERRORS, Column, Json, Look, bars, lines, table
from grafana.sql import BILLED, CLOCK, MOST_POINTS, NAMES, STEPS, WITHIN, base_one, filters, point
from schemas.llm.judges import ENVIRONMENT

COUNT, NUMBER, SHARE = Look("short"), Look(decimals=3), Look("percentunit", ERRORS, 2)
USD, SECONDS = Look("currencyUSD", decimals=4), Look("s", decimals=2)
MOST_LISTED = 200
GIVEN = "startsWith(score_id, 'judge-')"
"""Of scores of judges: their ids are made by Sluice."""
JUDGE = "substring(ifNull(tags.`judge=2Ename`.:String, ''), 2)"
ASKED = (
    f"{WITHIN} AND environment = '{ENVIRONMENT}'{BILLED}"
    + filters(project="project_id", model="model_requested")
)  # fmt: skip
OWN = "Of the questions that judges ask a model, which are calls of their own."


def panels() -> list[tuple[int, int, Json]]:
    """Returns the panels of the row."""
    failed = f"sum({base_one('errors')}) / count()"
    cost = f"toFloat64(sum({base_one('cost')}))"
    return [
        (12, 9, bars("Judges: scores given", _given("count()"), COUNT, scores.NOW)),
        (
            *(12, 9),
            lines("Judges: what they say", _given("avg(value)", "\nWHERE value IS NOT NULL"),
                  NUMBER, f"Averages of numbers, and shares of true. {scores.NOW}"),
        ),
        (12, 9, bars("Judges: cost", _asked(cost), USD, OWN)),
        (12, 9, lines("Judges: errors", _asked(failed), SHARE, f"Share that failed. {OWN}")),
        (24, 9, _table()),
    ]  # fmt: skip


def _given(value: str, which: str = "") -> str:
    return f"""{CLOCK}{STEPS}
SELECT {point("timestamp")} AS time, name, {value} AS score
FROM {_rows()}{which}
GROUP BY time, name
ORDER BY time
LIMIT {MOST_POINTS}"""


def _rows() -> str:
    return scores.rows_of(f"\n        AND {GIVEN}")


def _asked(value: str) -> str:
    return f"""{CLOCK}{STEPS}
SELECT {point("timestamp")} AS time, {JUDGE} AS name, {value} AS value
FROM traces
WHERE {ASKED}
GROUP BY time, name
ORDER BY time
LIMIT {MOST_POINTS}"""


def _table() -> Json:
    sql = f"""{CLOCK}
SELECT if(n.name = '', toString(j.project_id), n.name) AS project, judge, scores, average, last,
    questions, failed, cost, unpriced, latency
FROM (
    SELECT project_id, judge, sum(given) AS scores, anyIf(said, given > 0) AS average,
        if(scores = 0, NULL, max(newest)) AS last, sum(asked) AS questions,
        if(questions = 0, NULL, sum(lost) / questions) AS failed, toFloat64(sum(spent)) AS cost,
        sum(unknown) AS unpriced, if(questions = 0, NULL, sum(took) / questions / 1e9) AS latency
    FROM (
        SELECT project_id, name::String AS judge, count() AS given, avg(value) AS said,
            max(timestamp) AS newest, 0 AS asked, 0 AS lost, toDecimal128(0, 12) AS spent,
            0 AS unknown, toUInt128(0) AS took
        FROM {_rows()}
        GROUP BY project_id, judge
        UNION ALL
        SELECT project_id, {JUDGE} AS judge, 0 AS given, NULL AS said,
            toDateTime64(0, 6, 'UTC') AS newest, count() AS asked,
            sum({base_one("errors")}) AS lost, sum({base_one("cost")}) AS spent,
            sum({base_one("unpriced")}) AS unknown, sum(toUInt128(latency_ns)) AS took
        FROM traces
        WHERE {ASKED}
        GROUP BY project_id, judge
    )
    GROUP BY project_id, judge
) AS j
LEFT ANY JOIN {NAMES} AS n ON j.project_id = n.project_id
ORDER BY cost DESC, scores DESC, judge
LIMIT {MOST_LISTED}"""
    columns = [
        Column("average", NUMBER),
        Column("last", Look("dateTimeAsIso"), width=180),
        Column("failed", SHARE),
        Column("cost", USD),
        Column("latency", SECONDS),
    ]
    return table("Judges by name", sql, columns, "The most expensive first. Scores of judges, and"
                 " the questions that those asked which ask a model.")  # fmt: skip
