"""Budgets on the dashboard of quality: what was spent in the range, against a limit.

Budgets are kept in the control plane, which Grafana does not read: the reader writes the limit at
the top, and chooses the range that it is for.
"""

from grafana.panels import Column, Json, Look, lines, table
from grafana.sql import (
    BILLED,
    CLOCK,
    MOST_POINTS,
    NAMES,
    STEPS,
    WITHIN,
    base_one,
    calls,
    filters,
    summed,
)

USD, SHARE = Look("currencyUSD", decimals=2), Look("percentunit", decimals=1)
LIMIT = "toFloat64OrNull(decodeURLComponent('${limit:percentencode}'))"
MOST_LISTED = 200
HOW = "Choose the range of the budget, as This month so far, and write its limit at the top."


def panels() -> list[tuple[int, int, Json]]:
    """Returns the panels of the row."""
    return [
        (24, 9, lines("Spend against the limit", _adding_up(), USD, HOW)),
        (8, 9, _users()),
        (8, 9, _models()),
        (8, 9, _keys()),
    ]


def limit() -> Json:
    """Returns where the reader writes the limit."""
    return {
        "name": "limit",
        "label": "Limit, USD",
        "type": "textbox",
        "description": "What may be spent in the range: a budget's amount.",
        "query": "",
        "hide": 0,
        "current": {"text": "", "value": ""},
        "options": [{"text": "", "value": "", "selected": True}],
    }


def _adding_up() -> str:
    return f"""{CLOCK}{STEPS}
SELECT time, sum(cost) OVER (ORDER BY time) AS spent, {LIMIT} AS most
FROM (
    SELECT time, {summed(["cost"])}
    FROM {calls([], ["cost"], steps=True)}
    GROUP BY time
)
ORDER BY time
LIMIT {MOST_POINTS}"""


def _users() -> Json:
    rows = calls(["project_id", "user_id AS who"], ["cost"], rollup="session_sums")
    return _by("Spend by user", "user", rows, "who != ''")


def _models() -> Json:
    rows = calls(["project_id", "model_requested AS who"], ["cost"])
    return _by("Spend by model", "model", rows, "who != ''")


def _keys() -> Json:
    where = filters(
        project="project_id", model="model_requested", environment="environment", user="user_id"
    )
    rows = f"""(
    SELECT project_id, api_key AS who, {base_one("cost")} AS cost
    FROM traces
    WHERE {WITHIN}{BILLED}{where}
)"""
    return _by("Spend by API key", "key", rows, "who != ''", "Keys by their ids.")


def _by(title: str, name: str, rows: str, which: str, more: str = "") -> Json:
    sql = f"""{CLOCK}
SELECT if(n.name = '', toString(s.project_id), n.name) AS project, {name}, cost,
    cost / {LIMIT} AS of_limit
FROM (
    SELECT project_id, toString(who) AS {name}, {summed(["cost"])}
    FROM {rows}
    WHERE {which}
    GROUP BY project_id, who
    ORDER BY cost DESC
    LIMIT {MOST_LISTED}
) AS s
LEFT ANY JOIN {NAMES} AS n ON s.project_id = n.project_id
ORDER BY cost DESC, {name}
LIMIT {MOST_LISTED}"""
    columns = [Column("cost", USD), Column("of_limit", SHARE)]
    return table(title, sql, columns, f"Those that spent most, of the limit. {more}".strip())
