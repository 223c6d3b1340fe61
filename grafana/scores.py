"""The row of scores on the dashboard of calls: averages, shares of what is true, words.

A score counts once, as it is now, as on the pages of Sluice. Of what a score is about the filters
of models and users know nothing: they are of calls.
"""

from grafana.panels import Column, Json, Look, bars, lines, table
from grafana.sql import CLOCK, MOST_POINTS, STEPS, WITHIN, filters, point

COUNT, SHARE, NUMBER = Look("short"), Look("percentunit", decimals=1), Look("short", decimals=2)
MOST_NAMES = 200
WHERE = WITHIN + " AND NOT deleted" + filters(project="project_id", environment="environment")
SENDING = "sipHash64(project_id, item_id)"
"""A number in the place of the texts that name a sending: it takes half as long."""
NOW = "As the scores are now, by the time at which they were given."


def rows_of(more: str = "") -> str:
    """Returns the scores of the range as they are now; `more` narrows which."""
    where = f"{WHERE}{more}"
    return f"""(
    SELECT project_id, score_id, timestamp, name, data_type, value, text, author, trace_id, call_id
    FROM scores
    WHERE {where}
        AND {SENDING} IN (
            SELECT argMax({SENDING}, (version, received_at, item_id))
            FROM scores
            WHERE (project_id, score_id) IN (
                SELECT project_id, score_id
                FROM scores
                WHERE {where}
            )
            GROUP BY sipHash64(project_id, score_id)
        )
)"""


def panels() -> list[tuple[int, int, Json]]:
    """Returns the panels of the row."""
    return [
        (8, 9, lines("Scores: average", _over_time("avg(value)", "numeric"), NUMBER, NOW)),
        (8, 9, lines("Scores: share of true", _over_time("avg(value)", "boolean"), SHARE, NOW)),
        (8, 9, bars("Scores given", _over_time("count()", ""), COUNT, NOW)),
        (24, 9, _by_name()),
    ]


def _over_time(value: str, data_type: str) -> str:
    of_type = f"\nWHERE data_type = '{data_type}'" if data_type else ""
    return f"""{CLOCK}{STEPS}
SELECT {point("timestamp")} AS time, name, {value} AS score
FROM {rows_of()}{of_type}
GROUP BY time, name
ORDER BY time
LIMIT {MOST_POINTS}"""


def _by_name() -> Json:
    sql = f"""{CLOCK}
SELECT name, data_type AS type, count() AS scores, avg(value) AS average,
    quantileExactInclusive(0.5)(value) AS median, min(value) AS least, max(value) AS greatest,
    if(any(data_type) IN ('categorical', 'boolean'), topK(1)(text)[1], '') AS most_often
FROM {rows_of()}
GROUP BY name, data_type
ORDER BY scores DESC, name
LIMIT {MOST_NAMES}"""
    columns = [Column(name, NUMBER) for name in ("average", "median", "least", "greatest")]
    return table("Scores by name", sql, columns, f"Those with most scores first. {NOW}")
